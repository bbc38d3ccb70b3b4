package reconcile

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
)

// slack is what going back to the last good deployment may take beyond the deadline: the longest backoff, and a minute for
// the way.
const slack = lastBackoff + time.Minute

// violation is what a simulation panics with that broke an invariant.
type violation struct{ message string }

func (w *world) failf(format string, args ...any) {
	panic(violation{fmt.Sprintf(format, args...)})
}

// invariants are those that hold at every moment.
type invariants struct {
	world *world
	// foreign are objects in tools' namespaces that are not the tools'.
	foreign map[types.UID]bool
	// sick is since when a Deployment has an image that never comes up.
	sick map[types.UID]time.Time
	// declares remembers what each commit declares.
	declares map[string]map[objectID]bool
}

func newInvariants(w *world) invariants {
	return invariants{world: w, foreign: make(map[types.UID]bool), sick: make(map[types.UID]time.Time),
		declares: make(map[string]map[objectID]bool)}
}

// changed looks at every change on the server, by whomever.
func (i *invariants) changed(_, after *stored) {
	if after == nil {
		return
	}
	switch after.id.kind {
	case podKind:
		i.oneBuildOfAKey(after)
	case deploymentKind:
		i.notSickForLong(after)
	}
}

// oneBuildOfAKey holds for pods that may be running.
func (i *invariants) oneBuildOfAKey(pod *stored) {
	key := pod.GetLabels()["toolforge.org/build-key"]
	var running []string
	for _, other := range i.world.buildPods(pod.GetLabels()[api.ToolLabel]) {
		if other.GetLabels()["toolforge.org/build-key"] == key && live(other) {
			running = append(running, other.GetName())
		}
	}
	if len(running) > 1 {
		i.world.failf("two builds of one key run at the same time: %v", running)
	}
}

// pushed is told of every image that a build pushes.
func (w *world) pushed(tag string, fate fate) {
	w.tracef("pushed %s", tag)
	if _, twice := w.images.tags[tag]; twice {
		w.failf("a second build pushed %s", tag)
	}
	w.images.push(tag, fate)
}

// notSickForLong looks again when a Deployment has had its time.
func (i *invariants) notSickForLong(deployment *stored) {
	w, uid := i.world, deployment.GetUID()
	tool := deployment.GetLabels()[api.ToolLabel]
	if tool == "" {
		return
	}
	if !isSick(w, deployment) {
		delete(i.sick, uid)
		return
	}
	if _, known := i.sick[uid]; known {
		return
	}
	since := w.clock.now
	i.sick[uid] = since
	seconds, _, _ := unstructured.NestedInt64(deployment.Object, "spec", "progressDeadlineSeconds")
	w.clock.after(time.Duration(seconds)*time.Second+slack, func() {
		still := w.server.get(deployment.id)
		if w.calm && still != nil && i.sick[uid].Equal(since) && still.GetUID() == uid && w.status(w.tool(tool)).Serving != nil {
			w.failf("%s has had an image that never comes up since %v", deployment.id, since.Sub(w.began))
		}
	})
}

func isSick(w *world, deployment *stored) bool {
	spec, _ := deployment.Object["spec"].(map[string]any)
	return w.images.fate(imageIn(spec)) == neverUp
}

// calm begins the time anew in which a Deployment may be sick: until now, everything went wrong.
func (i *invariants) calm() {
	clear(i.sick)
	for _, deployment := range i.world.server.list(deploymentKind, "") {
		i.notSickForLong(deployment)
	}
}

// wrote looks at every write of the daemon that had an effect.
func (w *world) wrote(verb string, id objectID, before, after *stored) {
	w.writes++
	if w.writes > maxWrites {
		w.failf("no end of writing: %d times", w.writes)
	}
	i := &w.invariants
	if before != nil && i.foreign[before.GetUID()] {
		w.failf("the daemon touches an object that is not the tool's: %s %s", verb, id)
	}
	w.jobs.wrote(verb, id, before, after)
	if after != nil {
		i.secretly(after)
	}
	if verb == "create" && id.kind == jobKind {
		i.startable(after)
	}
	if verb == "delete" && id.kind == secretKind && before != nil {
		i.unused(before)
	}
	switch {
	case verb == "delete" && compared(id.kind) && before != nil:
		i.pruned(before)
	case id.kind == toolKind && after != nil:
		i.serving(id)
	case verb == "apply" && after != nil && (id.kind == deploymentKind || id.kind == cronJobKind):
		i.deployed(after)
	}
}

// pruned must be nothing that is declared by all that the daemon may be on the way to: the commit that serves, and the one
// that it last took up.
func (i *invariants) pruned(object *stored) {
	w := i.world
	name := object.GetLabels()[api.ToolLabel]
	live := w.server.get(objectID{toolKind, client.ObjectKey{Name: name}})
	if live == nil || live.GetDeletionTimestamp() != nil || object.id.kind == secretKind && isForged(object) {
		return
	}
	tool := w.tool(name)
	var targets []*modelCommit
	for _, deployment := range []*api.Deployment{w.status(tool).Serving, w.status(tool).Deploying} {
		if deployment != nil {
			targets = append(targets, w.commitOf(deployment.Commit))
		}
	}
	if taken := w.daemon.poller.taken[name]; taken != "" && w.commitOf(taken).deployable() {
		targets = append(targets, w.commitOf(taken))
	}
	for _, target := range targets {
		if !i.declared(tool, target)[object.id] {
			return
		}
	}
	w.failf("the daemon deletes %s, which is declared", object.id)
}

func (i *invariants) declared(tool *modelTool, c *modelCommit) map[objectID]bool {
	if known := i.declares[c.id]; known != nil {
		return known
	}
	declares := make(map[objectID]bool)
	if c.revision.Manifest != nil {
		for _, object := range i.world.rendered(tool, c, "image") {
			declares[idOf(object)] = true
		}
	}
	i.declares[c.id] = declares
	return declares
}

func (w *world) rendered(tool *modelTool, c *modelCommit, image string) []*unstructured.Unstructured {
	objects, err := render.Objects(render.Input{
		Tool: tool.name, Namespace: tool.namespace(), Manifest: c.revision.Manifest, Domain: w.config().Domain,
		Images: map[string]render.Image{manifest.MainBuild: {Reference: image}}, RolloutDeadline: w.config().RolloutDeadline,
		Hosts: w.hostsOf(tool, c), Volumes: w.config().Policy.Volumes,
		Provided: w.provided(tool),
	})
	if err != nil {
		panic(err)
	}
	return objects
}

// serving must be nothing that never came up.
func (i *invariants) serving(id objectID) {
	w := i.world
	serving := w.status(w.tool(id.key.Name)).Serving
	if serving != nil && w.commitOf(serving.Commit).manifest.unusable {
		w.failf("commit %.7s is said to serve and may not", serving.Commit)
	}
	if serving != nil && !w.commitOf(serving.Commit).good() {
		w.failf("commit %.7s (%s, %v) is said to serve and never came up", serving.Commit, w.commitOf(serving.Commit).manifest.name, w.commitOf(serving.Commit).fate)
	}
}

// deployed must be an image that was built.
func (i *invariants) deployed(workload *stored) {
	spec, _ := workload.Object["spec"].(map[string]any)
	if workload.id.kind == cronJobKind {
		spec, _, _ = unstructured.NestedMap(spec, "jobTemplate", "spec")
	}
	if _, built := i.world.images.fates[imageIn(spec)]; !built {
		i.world.failf("%s has image %q, which no build made", workload.id, imageIn(spec))
	}
}

// compared are the kinds of which a tool's namespace holds exactly what is declared.
func compared(kind schema.GroupVersionKind) bool {
	return kind == deploymentKind || kind == serviceKind || kind == ingressKind || kind == cronJobKind || kind == secretKind
}

// status is a tool's as the server has it; empty when there is no such tool.
func (w *world) status(tool *modelTool) api.ToolStatus {
	object := w.server.get(tool.id())
	if object == nil {
		return api.ToolStatus{}
	}
	return object.as(asTyped).(*api.Tool).Status
}
