package reconcile

import (
	"maps"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/manifest"
)

// The invariants of a world that came to rest.

func (w *world) checkAll() {
	for _, tool := range w.tools {
		w.check(tool)
		w.checkVolume(tool)
	}
	// What each thing that happened may have caused: a build, a deployment, and each of them told in the status.
	if bound := 100 + 60*w.events + 10*w.faulted + 30*w.starts; w.writes > bound {
		w.failf("%d writes, more than %d", w.writes, bound)
	}
}

func (w *world) check(tool *modelTool) {
	namespace := objectID{namespaceKind, client.ObjectKey{Name: tool.namespace()}}
	if w.server.get(tool.id()) == nil {
		keys := objectID{secretKind, client.ObjectKey{Namespace: buildNamespace, Name: "age-" + tool.name}}
		if w.server.get(namespace) != nil || len(w.buildPods(tool.name)) > 0 || w.server.get(keys) != nil {
			w.failf("%s is gone, and not all that was its", tool.name)
		}
		return
	}
	live := w.server.get(tool.id()).as(asTyped).(*api.Tool)
	if live.Status.ObservedGeneration != live.Generation {
		w.failf("%s: the status is of generation %d, the spec of %d", tool.name, live.Status.ObservedGeneration, live.Generation)
	}
	if seen := live.Status.Seen; seen == nil || seen.Commit != tool.head.id {
		w.failf("%s: the newest commit %.7s was not seen", tool.name, tool.head.id)
	}
	w.checkKeys(tool, live.Status)
	w.checkHistory(tool, live.Status)
	w.checkRuns(tool, live)
	if w.good(tool) && (!tool.head.spoiled || conditions.IsReady(live)) {
		w.checkGood(tool, live)
	} else {
		w.checkBad(tool, live)
	}
}

// checkSuspended: the tool says so.
func (w *world) checkSuspended(tool *modelTool, live *api.Tool) {
	if live.Status.ObservedGeneration != live.Generation || conditions.GetReason(live, meta.ReadyCondition) != api.ReasonSuspended {
		w.failf("%s is suspended and does not say so: %v", tool.name, live.Status.Conditions)
	}
}

// checkGood: the newest commit is good, so it serves.
func (w *world) checkGood(tool *modelTool, live *api.Tool) {
	if !conditions.IsReady(live) || conditions.Has(live, meta.StalledCondition) || conditions.Has(live, meta.ReconcilingCondition) {
		w.failf("%s: commit %.7s is good and the tool is not ready: %v", tool.name, tool.head.id, live.Status.Conditions)
	}
	serving := live.Status.Serving
	if serving == nil || serving.Commit != tool.head.id {
		w.failf("%s: commit %.7s is good and does not serve: %+v", tool.name, tool.head.id, serving)
	}
	if image := w.imageOf(tool, tool.head); image != servedImage(serving) {
		w.failf("%s: image %s serves instead of %s", tool.name, servedImage(serving), image)
	}
	w.checkObjects(tool, tool.head, servedImage(serving))
	w.checkInventory(tool, live)
	if pods := w.buildPods(tool.name); len(pods) > 0 {
		w.failf("%s: build pod %s is left", tool.name, pods[0].id)
	}
}

// imageOf is the image that the newest builder makes of a commit; empty when it needs none.
func (w *world) imageOf(tool *modelTool, c *modelCommit) string {
	if !c.manifest.builds {
		return ""
	}
	builder := w.server.get(objectID{builderKind, client.ObjectKey{Name: "test"}}).as(asTyped).(*api.Builder)
	key := build.Inputs{Tree: c.tree, Builder: builder.Status.Image}.Key()
	return imageBehind(modelRegistry + "/tool-" + tool.name + "/" + manifest.MainBuild + ":" + key)
}

func servedImage(serving *api.Deployment) string {
	if len(serving.Images) == 0 {
		return ""
	}
	return serving.Images[0].Reference
}

// checkBad: the newest commit is bad. The tool says so, and what served before is what there is.
func (w *world) checkBad(tool *modelTool, live *api.Tool) {
	if !conditions.IsFalse(live, meta.ReadyCondition) {
		w.failf("%s: commit %.7s is bad and the tool does not say so: %v", tool.name, tool.head.id, live.Status.Conditions)
	}
	if serving := live.Status.Serving; serving != nil {
		w.checkObjects(tool, w.commitOf(serving.Commit), servedImage(serving))
	}
}

// checkHistory: nothing is under way any more, and what failed was not tried again though nothing had changed.
func (w *world) checkHistory(tool *modelTool, status api.ToolStatus) {
	if status.Deploying != nil {
		w.failf("%s: commit %.7s is said to be under way", tool.name, status.Deploying.Commit)
	}
	if len(status.History) > maxHistory {
		w.failf("%s: the history has %d entries", tool.name, len(status.History))
	}
	for _, past := range status.BuildHistory {
		if past.Outcome == api.BuildOutcomeRunning {
			w.failf("%s: the build of commit %.7s is said to run in the history", tool.name, past.Commit)
		}
	}
	for _, record := range status.Builds {
		if record.State == api.BuildRunning || record.State == api.BuildWaiting && record.QueuedAt != nil {
			w.failf("%s: the build of commit %.7s is said to be %s: %s", tool.name, record.Commit, record.State, record.Message)
		}
	}
	for i, past := range status.History {
		if past.Outcome == api.OutcomeProgressing {
			w.failf("%s: commit %.7s is said to be under way in the history", tool.name, past.Commit)
		}
		if i == 0 {
			continue
		}
		if later := status.History[i-1]; past.Outcome == api.OutcomeFailed && later.Commit == past.Commit && later.Key == past.Key {
			w.failf("%s: commit %.7s failed and was tried again though nothing had changed", tool.name, past.Commit)
		}
	}
}

// checkObjects: the namespace holds exactly what a commit declares.
func (w *world) checkObjects(tool *modelTool, c *modelCommit, image string) {
	declared := make(map[objectID]bool)
	for _, object := range w.rendered(tool, c, image) {
		declared[idOf(object)] = true
		w.checkObject(c, withValues(tool, c, object))
	}
	for _, object := range w.own(tool) {
		if !declared[object.id] {
			w.failf("%s is there and commit %.7s does not declare it", object.id, c.id)
		}
	}
}

func (w *world) checkObject(c *modelCommit, object *unstructured.Unstructured) {
	live := w.server.get(idOf(object))
	if live == nil {
		w.failf("%s of commit %.7s is not there", idOf(object), c.id)
	}
	want, got := fieldsOf(clone(object.Object).(map[string]any)), fieldsOf(live.Object)
	for _, path := range slices.Sorted(maps.Keys(want)) {
		if !equalJSON(want[path], got[path]) {
			w.failf("%s of commit %.7s has %v as %s, want %v", live.id, c.id, got[path], readable(path), want[path])
		}
	}
	for _, path := range slices.Sorted(maps.Keys(live.owners[string(fieldOwner)])) {
		if _, wanted := want[path]; !wanted {
			w.failf("%s has a field of before: %s", live.id, readable(path))
		}
	}
}

func readable(path string) string { return strings.ReplaceAll(path, pathSeparator, ".") }

// checkInventory: it lists what is there.
func (w *world) checkInventory(tool *modelTool, live *api.Tool) {
	listed := make(map[objectID]bool)
	for _, object := range live.Status.Inventory {
		target := &unstructured.Unstructured{}
		target.SetAPIVersion(object.APIVersion)
		target.SetKind(object.Kind)
		target.SetNamespace(object.Namespace)
		target.SetName(object.Name)
		listed[idOf(target)] = true
		if there := w.server.get(idOf(target)); there == nil || numberOf(there) != object.Version {
			w.failf("the inventory lists %s at version %s, which is not there", idOf(target), object.Version)
		}
	}
	for id := range w.invariants.declared(tool, tool.head) {
		if !listed[id] {
			w.failf("the inventory lacks %s", id)
		}
	}
}

func numberOf(object *stored) string {
	numberedCopy := object.DeepCopy()
	numbered(numberedCopy)
	return version(numberedCopy)
}

// checkIdle: looking again changes nothing, nor does a restart.
func (w *world) checkIdle() {
	writes, calls := w.writes, w.calls
	for range 3 {
		w.daemon.wake()
		w.settle()
	}
	if w.writes > writes {
		w.failf("%d writes though nothing changed", w.writes-writes)
	}
	if w.calls > calls && !slices.ContainsFunc(w.tools, func(t *modelTool) bool { return !w.good(t) || t.head.spoiled }) {
		w.failf("%d requests though nothing changed", w.calls-calls)
	}
	w.daemon.die("from outside")
	w.settle()
	w.daemon.wake()
	w.settle()
	if w.writes > writes {
		w.failf("%d writes by a restart", w.writes-writes)
	}
}
