package reconcile

import (
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// failingCommand is what a pre-deploy job runs that fails.
const failingCommand = "./fail"

// modelJobs is the Job controller and the pods of Jobs: each ends some time later, as its command has it. It knows which
// pre-deploy jobs have run for which deployment.
type modelJobs struct {
	world *world
	// begun is what each tool's status says is the newest deployment: its commit and images.
	begun map[string]string
	// ran holds the pre-deploy jobs that were run for it, or for what is not in the status yet.
	ran map[string]map[string]bool
}

func newModelJobs(w *world) *modelJobs {
	return &modelJobs{world: w, begun: make(map[string]string), ran: make(map[string]map[string]bool)}
}

func (m *modelJobs) changed(before, after *stored) {
	switch {
	case after == nil && before.id.kind == toolKind:
		delete(m.begun, before.id.key.Name)
		delete(m.ran, before.id.key.Name)
	case after == nil:
	case after.id.kind == toolKind:
		m.noteBegun(after)
	case isPreDeploy(after) && before == nil:
		m.onlyOne(after)
		m.run(after)
	}
}

// noteBegun forgets which jobs have run when another deployment begins.
func (m *modelJobs) noteBegun(tool *stored) {
	history := tool.as(asTyped).(*api.Tool).Status.History
	if len(history) == 0 {
		return
	}
	name, begun := tool.id.key.Name, history[0].Commit
	for _, image := range history[0].Images {
		begun += " " + image.Reference
	}
	if m.begun[name] == begun {
		return
	}
	m.begun[name] = begun
	for run := range m.ran[name] {
		if !strings.HasPrefix(run, begun) {
			delete(m.ran[name], run)
		}
	}
}

// onlyOne: a pre-deploy job runs once for each deployment, and never beside another one.
func (m *modelJobs) onlyOne(job *stored) {
	w, tool := m.world, job.GetLabels()[api.ToolLabel]
	spec, _ := job.Object["spec"].(map[string]any)
	run := strings.TrimSuffix(commitOfJob(job)+" "+imageIn(spec), " ") + " " + job.GetLabels()[render.NameLabel]
	if m.ran[tool][run] {
		w.failf("%s runs a second time for one deployment", job.id)
	}
	if m.ran[tool] == nil {
		m.ran[tool] = make(map[string]bool)
	}
	m.ran[tool][run] = true
	if running := m.running(job.id.key.Namespace); len(running) > 1 {
		w.failf("two pre-deploy jobs run at the same time: %s and %s", running[0].id, running[1].id)
	}
}

func commitOfJob(job *stored) string { return job.GetAnnotations()[api.CommitAnnotation] }

// running are the Jobs of a namespace that have not ended.
func (m *modelJobs) running(namespace string) []*stored {
	return slices.DeleteFunc(m.world.server.list(jobKind, namespace), func(job *stored) bool {
		return !isPreDeploy(job) || jobEnd(job.as(asTyped).(*batchv1.Job)) != nil
	})
}

// isPreDeploy tells of a Job that is no CronJob's run.
func isPreDeploy(object *stored) bool {
	return object.id.kind == jobKind && object.GetLabels()[api.ComponentLabel] == api.PreDeployComponent
}

// run ends a Job some time later.
func (m *modelJobs) run(job *stored) {
	w := m.world
	w.clock.after(w.between(time.Second, pick(w, 10*time.Second, 3*time.Minute, 9*time.Minute)), func() {
		live := w.server.get(job.id)
		if live == nil || live.GetUID() != job.GetUID() {
			return
		}
		spec, _ := job.Object["spec"].(map[string]any)
		end, status := "Complete", map[string]any{"succeeded": int64(1)}
		if fails(spec) {
			end, status = "Failed", map[string]any{"failed": int64(1)}
		}
		w.tracef("%s ends: %s", job.id, end)
		condition := condition(end, "True", batchv1.JobReasonBackoffLimitExceeded)
		condition["lastTransitionTime"] = w.clock.now.UTC().Format(time.RFC3339)
		status["conditions"] = []any{condition}
		w.server.updateStatus(job.id, status)
	})
}

func fails(spec map[string]any) bool {
	containers, _, _ := unstructured.NestedSlice(spec, "template", "spec", "containers")
	command, _, _ := unstructured.NestedStringSlice(containers[0].(map[string]any), "command")
	return slices.ContainsFunc(command, func(word string) bool { return strings.Contains(word, failingCommand) })
}

// spoil is for a Job that is taken away: what would have become of its deployment cannot be said. It may be run again if
// nobody had written down that it was.
func (m *modelJobs) spoil(job *stored) {
	if commit := m.world.commits[commitOfJob(job)]; commit != nil {
		commit.spoiled = true
	}
	delete(m.ran, job.GetLabels()[api.ToolLabel])
}

// wrote: while a pre-deploy job runs, the daemon changes nothing of what it is to be followed by. What served before may be
// put back.
func (m *modelJobs) wrote(verb string, id objectID, before, after *stored) {
	w := m.world
	if !compared(id.kind) {
		return
	}
	name := strings.TrimPrefix(id.key.Namespace, "tool-")
	tool := w.server.get(objectID{toolKind, client.ObjectKey{Name: name}})
	if tool == nil || tool.GetDeletionTimestamp() != nil {
		return
	}
	status := tool.as(asTyped).(*api.Tool).Status
	if status.Deploying == nil || !slices.ContainsFunc(m.running(id.key.Namespace), func(job *stored) bool {
		return commitOfJob(job) == status.Deploying.Commit
	}) {
		return
	}
	if taken := w.daemon.poller.taken[name]; taken != status.Deploying.Commit && taken != "" && w.commitOf(taken).deployable() {
		return // a newer one takes its place
	}
	served := make(map[objectID]string)
	if status.Serving != nil {
		for _, object := range w.rendered(w.tool(name), w.commitOf(status.Serving.Commit), servedImage(status.Serving)) {
			served[idOf(object)] = object.GetAnnotations()[render.HashAnnotation]
		}
	}
	hash, serves := served[id]
	if after == nil && !serves || after != nil && serves && after.GetAnnotations()[render.HashAnnotation] == hash {
		return
	}
	if id.kind == secretKind && after != nil {
		return // the job's own values, put back
	}
	w.failf("%s %s while a pre-deploy job of its deployment runs", verb, id)
}
