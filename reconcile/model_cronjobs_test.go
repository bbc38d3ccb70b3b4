package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/runs"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// modelSchedule has six runs after a world begins, and none for a year then: so it comes to rest.
const modelSchedule = "0,20,40 12-13 23 11 *"

// modelRuns is the controller of CronJobs, with Jobs that all succeed. Some runs it does not start: it was down.
type modelRuns struct {
	world *world
	// took are the runs that took place, by CronJob; due are those that were due while it was there.
	took, due map[client.ObjectKey]map[time.Time]bool
}

func newModelRuns(w *world) *modelRuns {
	r := &modelRuns{world: w, took: make(map[client.ObjectKey]map[time.Time]bool), due: make(map[client.ObjectKey]map[time.Time]bool)}
	schedule, err := runs.ParseSchedule(modelSchedule)
	if err != nil {
		panic(err)
	}
	for _, at := range schedule.Between(w.began, w.began.Add(24*time.Hour), 100) {
		w.clock.at(at, func() { r.start(at) })
	}
	return r
}

// start has the runs of that time start, or not.
func (r *modelRuns) start(at time.Time) {
	for _, cronJob := range r.world.server.list(cronJobKind, "") {
		if schedule, _, _ := unstructured.NestedString(cronJob.Object, "spec", "schedule"); schedule != modelSchedule {
			continue
		}
		note(r.due, cronJob.id.key, at)
		if r.world.outage || r.world.random.IntN(3) == 0 {
			r.world.tracef("%s does not run", cronJob.id)
			continue
		}
		r.world.clock.after(r.world.between(0, runs.Late), func() { r.run(cronJob, at) })
	}
}

func note(set map[client.ObjectKey]map[time.Time]bool, key client.ObjectKey, at time.Time) {
	if set[key] == nil {
		set[key] = make(map[time.Time]bool)
	}
	set[key][at] = true
}

func (r *modelRuns) run(cronJob *stored, at time.Time) {
	live := r.world.server.get(cronJob.id)
	if live == nil || live.GetUID() != cronJob.GetUID() || r.world.server.admit(cronJob.id) != nil {
		return
	}
	note(r.took, cronJob.id.key, at)
	job := r.world.create("kube-controller-manager", map[string]any{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": map[string]any{
			"namespace":   cronJob.GetNamespace(),
			"name":        fmt.Sprintf("%s-%d", cronJob.GetName(), at.Unix()/60),
			"annotations": map[string]any{batchv1.CronJobScheduledTimestampAnnotation: at.Format(time.RFC3339)},
			"labels":      toAny(cronJob.GetLabels()),
			"ownerReferences": []any{map[string]any{
				"apiVersion": "batch/v1", "kind": "CronJob", "name": cronJob.GetName(), "uid": string(cronJob.GetUID()),
			}},
		},
	})
	r.world.server.updateStatus(cronJob.id, map[string]any{"lastScheduleTime": at.Format(time.RFC3339)})
	r.world.clock.after(r.world.between(time.Second, 3*time.Minute), func() { r.finish(job) })
}

// finish has a Job succeed, and the one before it removed.
func (r *modelRuns) finish(job *stored) {
	for _, other := range r.world.server.list(jobKind, job.GetNamespace()) {
		if other.id != job.id && other.GetLabels()[api.NameLabel] == job.GetLabels()[api.NameLabel] {
			r.world.server.erase(other.id)
		}
	}
	r.world.server.updateStatus(job.id, map[string]any{"conditions": []any{map[string]any{
		"type": string(batchv1.JobComplete), "status": string(corev1.ConditionTrue),
		"lastTransitionTime": r.world.clock.now.Format(time.RFC3339),
	}}})
}

func toAny(labels map[string]string) map[string]any {
	all := make(map[string]any, len(labels))
	for name, value := range labels {
		all[name] = value
	}
	return all
}

// checkRuns: what is said to be missed is what did not take place, and what is the last to have been due is not forgotten.
func (w *world) checkRuns(tool *modelTool, live *api.Tool) {
	for _, job := range live.Status.Jobs {
		key := client.ObjectKey{Namespace: tool.namespace(), Name: job.Name}
		said := make(map[time.Time]bool)
		for _, missed := range job.Missed {
			said[missed.First.UTC()], said[missed.Last.UTC()] = true, true
		}
		for at := range said {
			if w.runs.took[key][at] {
				w.failf("%s: the run of %s at %v took place and is said to be missed", tool.name, job.Name, at)
			}
		}
		due := slices.SortedFunc(maps.Keys(w.runs.due[key]), time.Time.Compare)
		if len(due) == 0 || !w.expected(key, job, due[len(due)-1]) {
			continue
		}
		if last := due[len(due)-1]; !w.runs.took[key][last] && !said[last] {
			w.failf("%s: the run of %s at %v did not take place, and that is not said", tool.name, job.Name, last)
		}
	}
}

// expected tells whether the CronJob that is there now was to run at that time. One that somebody has taken a label off, when
// nothing has ever served that it could be put back by, is nobody's.
func (w *world) expected(key client.ObjectKey, job api.ScheduledJob, at time.Time) bool {
	cronJob := w.server.get(objectID{cronJobKind, key})
	return cronJob != nil && cronJob.GetLabels()[api.ManagedByLabel] != "" && cronJob.GetLabels()[api.ToolLabel] != "" && cronJob.GetCreationTimestamp().Time.Before(at) && job.Since.Time.Before(at)
}
