package reconcile

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// incident is something that happens to a tool, or to everything, from outside.
type incident struct {
	weight int
	name   string
	happen func(*world, *modelTool)
}

var incidents = []incident{
	{10, "push", func(w *world, t *modelTool) { w.push(t, w.newCommit(t, w.someManifest(), w.someFate())) }},
	{3, "revert", func(w *world, t *modelTool) { w.push(t, pick(w, t.history...)) }},
	{3, "push of an older tree", func(w *world, t *modelTool) { w.push(t, w.recommit(t)) }},
	{2, "pushes in haste", (*world).haste},
	{4, "hand edit", (*world).edit},
	{1, "fight", (*world).fight},
	{3, "hand deletion", (*world).handDelete},
	{1, "label taken off", (*world).unlabel},
	{1, "namespace deleted", (*world).deleteNamespace},
	{1, "tool deleted", (*world).deleteTool},
	{2, "pre-deploy job deleted", (*world).deleteJob},
	{2, "build pod lost", (*world).losePod},
	{1, "build pod deleted", (*world).deletePod},
	{1, "pods of a Deployment lost", (*world).shake},
	{1, "suspended or not", (*world).suspend},
	{1, "spec changed", (*world).changeSpec},
	{1, "builder changed", (*world).changeBuilder},
	{2, "outage", (*world).outageForAWhile},
	{3, "watch lost", (*world).loseWatch},
	{2, "deletion in the dark", (*world).deleteInTheDark},
	{1, "name clash", (*world).clash},
	{1, "host granted or taken", (*world).grant},
	{2, "host changes hands", (*world).changeHands},
	{1, "claim deleted", (*world).deleteClaim},
	{2, "kill", func(w *world, _ *modelTool) { w.daemon.die("from outside") }},
	{2, "old images removed", (*world).removeImages},
	{2, "Secret of the platform changed", (*world).changeProvided},
	{1, "somebody's objects", (*world).foreigner},
}

// live through a random history.
func (w *world) live() {
	w.startDaemon()
	for range 3 + w.random.IntN(9) {
		// Also in the middle of what the daemon does.
		tool, next := pick(w, w.tools...), w.someIncident()
		within := pick(w, 2*time.Second, 30*time.Second, 5*time.Minute, 20*time.Minute)
		w.clock.after(w.between(0, within), func() {
			w.tracef("%s: %s", tool.name, next.name)
			w.events++
			next.happen(w, tool)
		})
		w.advance(w.between(0, within))
		if w.random.IntN(4) == 0 {
			w.rest()
		}
	}
	w.rest()
}

func (w *world) someIncident() incident {
	total := 0
	for _, i := range incidents {
		total += i.weight
	}
	at := w.random.IntN(total)
	for _, i := range incidents {
		if at -= i.weight; at < 0 {
			return i
		}
	}
	panic("the weights have no sum")
}

// rest lets things come to rest amid faults. When nothing more happens, there is no excuse for what is not as it should be.
func (w *world) rest() {
	for w.settle(); w.resume(); {
		w.settle()
	}
	w.checkAll()
}

// resume ends suspensions. It reports whether there was one.
func (w *world) resume() (resumed bool) {
	for _, tool := range w.tools {
		object := w.server.get(tool.id())
		if object == nil || !object.as(asTyped).(*api.Tool).Spec.Suspend {
			continue
		}
		w.checkSuspended(tool, object.as(asTyped).(*api.Tool))
		w.suspend(tool)
		resumed = true
	}
	return resumed
}

// calmDown ends what would keep a tool from converging.
func (w *world) calmDown() {
	w.calm = true

	w.tracef("no more faults")
	w.invariants.calm()
}

func (w *world) newCommit(tool *modelTool, manifest modelManifest, fate fate) *modelCommit {
	number := len(tool.history)
	tree := digest(fmt.Sprintf("%s tree %d", tool.name, number))
	return newModelCommit(fmt.Sprintf("%s %d", tool.name, number), manifest.of(w, tool.name), tree, fate)
}

// recommit is a new commit with another manifest and the tree of an older one.
func (w *world) recommit(tool *modelTool) *modelCommit {
	older := pick(w, tool.history...)
	c := w.newCommit(tool, w.someManifest(), older.fate)
	return newModelCommit(fmt.Sprintf("%s %d", tool.name, len(tool.history)), c.manifest, older.tree, older.fate)
}

// haste has one commit with pre-deploy jobs come after the other; their images are there already, if any is.
func (w *world) haste(tool *modelTool) {
	older := pick(w, tool.history...)
	next := func() {
		w.push(tool, newModelCommit(fmt.Sprintf("%s %d", tool.name, len(tool.history)), modelManifests[migratedManifest], older.tree, older.fate))
	}
	next()
	w.clock.after(w.between(time.Second, time.Minute), next)
}

func (w *world) someManifest() modelManifest { return pick(w, modelManifests...) }

func (w *world) someFate() fate {
	return pick(w, comesUp, comesUp, comesUp, comesUpLate, neverUp, neverUp, neverBuilds)
}

// push makes a commit the newest.
func (w *world) push(tool *modelTool, c *modelCommit) {
	w.tracef("%s: commit %.7s (%s, fate %d)", tool.name, c.id, c.manifest.name, c.fate)
	w.commits[c.id] = c
	tool.head = c
	tool.history = append(tool.history, c)
	if w.daemon != nil && !w.daemon.dead {
		w.daemon.poller.pollWithin(tool.name, pick(w, time.Second, time.Minute))
	}
}

// own are the tool's objects, as far as they still say so.
func (w *world) own(tool *modelTool) []*stored {
	var own []*stored
	for _, object := range w.server.in(tool.namespace()) {
		if owned(object, tool.name) && compared(object.id.kind) {
			own = append(own, object)
		}
	}
	return own
}

const editor = "kubectl-edit"

func (w *world) edit(tool *modelTool) {
	own := w.own(tool)
	if len(own) == 0 {
		return
	}
	w.editObject(pick(w, own...))
}

func (w *world) editObject(target *stored) {
	w.tracef("somebody edits %s", target.id)
	if target.id.kind == secretKind {
		w.forge(target)
		return
	}
	w.server.update(editor, target.id, func(object *unstructured.Unstructured) {
		switch target.id.kind {
		case deploymentKind:
			w.editDeployment(object)
		case serviceKind:
			set(object, map[string]any{"some": "other"}, "spec", "selector")
		case ingressKind:
			set(object, "other.example", "spec", "ingressClassName")
			set(object, []any{map[string]any{"host": "other.example"}}, "spec", "rules")
		case cronJobKind:
			set(object, "5 5 5 5 5", "spec", "schedule")
		}
	})
}

func (w *world) editDeployment(object *unstructured.Unstructured) {
	switch w.random.IntN(3) {
	case 0:
		set(object, int64(7), "spec", "replicas")
	case 1:
		set(object, int64(0), "spec", "replicas")
	default:
		containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		containers[0].(map[string]any)["image"] = "attacker.example/image"
		set(object, containers, "spec", "template", "spec", "containers")
	}
}

func set(object *unstructured.Unstructured, value any, path ...string) {
	if err := unstructured.SetNestedField(object.Object, value, path...); err != nil {
		panic(err)
	}
}

// fight has somebody edit an object again and again.
func (w *world) fight(tool *modelTool) {
	own := w.own(tool)
	if len(own) == 0 {
		return
	}
	target := pick(w, own...)
	for i := range 4 + w.random.IntN(12) {
		w.clock.after(time.Duration(i)*w.between(time.Second, time.Minute), func() {
			if there := w.server.get(target.id); there != nil && there.GetDeletionTimestamp() == nil {
				w.editObject(there)
			}
		})
	}
}

func (w *world) handDelete(tool *modelTool) {
	if own := w.own(tool); len(own) > 0 {
		w.delete(pick(w, own...).id)
	}
}

func (w *world) delete(id objectID) {
	w.tracef("somebody deletes %s", id)
	if err := w.server.remove(id, nil); err != nil {
		panic(err)
	}
}

// unlabel makes an object look as if it were nobody's. One that somebody edited as well is somebody's indeed.
func (w *world) unlabel(tool *modelTool) {
	own := w.own(tool)
	if len(own) == 0 {
		return
	}
	target := pick(w, own...)
	if len(target.owners[editor]) > 0 {
		return
	}
	w.tracef("somebody takes the label off %s", target.id)
	w.server.update(editor, target.id, func(object *unstructured.Unstructured) {
		unstructured.RemoveNestedField(object.Object, "metadata", "labels", api.ToolLabel)
	})
}

func (w *world) deleteNamespace(tool *modelTool) {
	id := objectID{namespaceKind, client.ObjectKey{Name: tool.namespace()}}
	if w.server.get(id) != nil {
		w.delete(id)
	}
}

// deleteTool deletes a Tool; most come back some time later.
func (w *world) deleteTool(tool *modelTool) {
	if w.server.get(tool.id()) == nil {
		return
	}
	w.delete(tool.id())
	if w.random.IntN(4) == 0 {
		return
	}
	var comeBack func()
	comeBack = func() {
		if w.server.get(tool.id()) != nil {
			w.clock.after(time.Minute, comeBack) // its finalizers have something to do yet
			return
		}
		w.tracef("%s: the tool is made again", tool.name)
		w.createTool(tool)
	}
	w.clock.after(w.between(0, time.Minute), comeBack)
}

func (w *world) deleteJob(tool *modelTool) {
	if jobs := w.server.list(jobKind, tool.namespace()); len(jobs) > 0 {
		target := pick(w, jobs...)
		w.jobs.spoil(target)
		w.delete(target.id)
	}
}

func (w *world) losePod(tool *modelTool) {
	if pods := w.buildPods(tool.name); len(pods) > 0 {
		w.kubelet.lose(pick(w, pods...))
	}
}

func (w *world) deletePod(tool *modelTool) {
	if pods := w.buildPods(tool.name); len(pods) > 0 {
		w.delete(pick(w, pods...).id)
	}
}

func (w *world) shake(tool *modelTool) {
	for _, object := range w.own(tool) {
		if object.id.kind == deploymentKind {
			w.rollouts.shake(object)
		}
	}
}

func (w *world) suspend(tool *modelTool) {
	w.server.update("admin", tool.id(), func(object *unstructured.Unstructured) {
		suspended, _, _ := unstructured.NestedBool(object.Object, "spec", "suspend")
		set(object, !suspended, "spec", "suspend")
	})
}

func (w *world) changeSpec(tool *modelTool) {
	w.server.update("admin", tool.id(), func(object *unstructured.Unstructured) {
		set(object, w.between(time.Second, time.Hour).Round(time.Second).String(), "spec", "interval")
	})
}

func (w *world) changeBuilder(*modelTool) {
	id := objectID{builderKind, client.ObjectKey{Name: "test"}}
	w.server.update("admin", id, func(object *unstructured.Unstructured) {
		set(object, "registry.example/builder@"+digest(fmt.Sprint("builder", w.random.Uint64())), "status", "image")
	})
}

// outageForAWhile has the API server not answer, and all watches end.
func (w *world) outageForAWhile(*modelTool) {
	if w.outage {
		return
	}
	w.outage = true
	w.clock.after(w.between(time.Second, 3*time.Minute), func() { w.outage = false })
	if w.daemon.dead {
		return
	}
	for _, i := range w.daemon.informers {
		i.lose(w.between(time.Second, 10*time.Second))
	}
}

func (w *world) loseWatch(*modelTool) {
	if !w.daemon.dead {
		lost := pick(w, w.daemon.informers...)
		w.tracef("the watch of kind %s is lost", lost.kind.Kind)
		lost.lose(w.between(0, pick(w, time.Second, 30*time.Second)))
	}
}

// foreigner puts somebody else's objects into the tool's namespace.
func (w *world) foreigner(tool *modelTool) {
	if w.server.admit(objectID{configMapKind, client.ObjectKey{Namespace: tool.namespace()}}) != nil {
		return
	}
	metadata := map[string]any{"namespace": tool.namespace(), "name": "theirs"}
	for _, content := range []map[string]any{
		{"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"some": "thing"}},
		{"apiVersion": "v1", "kind": "Service", "spec": map[string]any{"selector": map[string]any{"some": "thing"}}},
		{"apiVersion": "batch/v1", "kind": "CronJob", "spec": map[string]any{"schedule": "1 1 1 1 1"}},
	} {
		content["metadata"] = metadata
		if object, err := w.server.create("somebody", content); err == nil {
			w.invariants.foreign[object.GetUID()] = true
		}
	}
}

// deleteInTheDark has objects come and go while no watch tells of it.
func (w *world) deleteInTheDark(tool *modelTool) {
	if w.daemon.dead {
		return
	}
	dark := w.between(time.Second, time.Minute)
	for _, i := range w.daemon.informers {
		i.lose(dark)
	}
	for range 3 {
		w.clock.after(w.between(0, dark), func() {
			if pods := w.buildPods(tool.name); len(pods) > 0 && w.random.IntN(2) == 0 {
				w.kubelet.lose(pick(w, pods...))
			} else {
				w.handDelete(tool)
			}
		})
	}
}

// clash has somebody's Service take a name that the tool may want, for a while.
func (w *world) clash(tool *modelTool) {
	id := objectID{serviceKind, client.ObjectKey{Namespace: tool.namespace(), Name: pick(w, "webservice", "consumer")}}
	if w.busy || w.server.get(id) != nil || w.server.admit(id) != nil {
		return
	}
	theirs := w.create("somebody", map[string]any{
		"apiVersion": "v1", "kind": "Service",
		"metadata": map[string]any{"namespace": id.key.Namespace, "name": id.key.Name},
		"spec":     map[string]any{"selector": map[string]any{"some": "thing"}},
	})
	w.invariants.foreign[theirs.GetUID()] = true
	w.tracef("somebody makes %s", id)
	w.push(tool, w.newCommit(tool, modelManifests[1], comesUp))
	w.clock.after(w.between(time.Minute, 5*time.Minute), func() {
		if there := w.server.get(id); there != nil && there.GetUID() == theirs.GetUID() {
			w.delete(id)
		}
	})
}
