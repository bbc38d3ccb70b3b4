package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const minutely = "jobs:\n  - {name: tick, schedule: \"* * * * *\", command: ./tick}\n"

// Runs that do not take place are told of, and what is known already costs nothing: neither looking again nor a restart.
func TestMissedRuns(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", minutely, "tree1")
	d.untilServing(tool, "one")
	d.passes(tool, 1)
	jobs := d.status(tool).Jobs
	if len(jobs) != 1 || jobs[0].Name != "tick" || jobs[0].Schedule != "* * * * *" || len(jobs[0].Missed) != 0 {
		t.Fatalf("the jobs are %+v", jobs)
	}
	// No controller of CronJobs runs here: whatever is due does not take place.
	d.ahead.Store(int64(4 * time.Minute))
	d.passes(tool, 2)
	missed := d.missed(tool)
	if len(missed) != 1 || missed[0].Runs < 3 || missed[0].Reason != api.RunMissed || !strings.Contains(missed[0].Message, "not started within 30s") {
		t.Fatalf("missed are %+v", missed)
	}
	if !missed[0].First.After(jobs[0].Since.Time) {
		t.Errorf("the run of %v is said to be missed, of a schedule that began %v", missed[0].First, jobs[0].Since)
	}
	d.wire.take()
	d.passes(tool, 2)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("looking again wrote %v", writes)
	}
	d.stop()
	after := startDaemon(t)
	after.ahead.Store(int64(4 * time.Minute))
	after.push(tool, "one", minutely, "tree1")
	after.passes(tool, 2)
	if writes := after.wire.take(); len(writes) > 0 {
		t.Errorf("a restart wrote %v", writes)
	}
	// More of the same is written down once in ten minutes.
	after.ahead.Store(int64(15 * time.Minute))
	after.passes(tool, 1)
	after.ahead.Store(int64(17 * time.Minute))
	after.passes(tool, 1)
	if writes := after.wire.take(); len(writes) != 1 {
		t.Errorf("two looks at what goes on being missed wrote %v", writes)
	}
	after.ahead.Store(int64(26 * time.Minute))
	after.passes(tool, 1)
	if again := after.missed(tool); len(again) != 1 || again[0].Runs < 24 || !again[0].First.Equal(&missed[0].First) {
		t.Errorf("missed are %+v, before %+v", again, missed)
	}
}

func (d *daemon) missed(tool *api.Tool) []api.MissedRuns {
	d.t.Helper()
	jobs := d.status(tool).Jobs
	if len(jobs) != 1 {
		d.t.Fatalf("the jobs are %+v", jobs)
	}
	return jobs[0].Missed
}

// A run that still ran when the next was due is why that was skipped; runs that took place are not said to be missed.
func TestSkippedRuns(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", minutely, "tree1")
	d.untilServing(tool, "one")
	first := d.status(tool).Jobs[0].Since.Truncate(time.Minute).Add(time.Minute)
	// The first three take place, the last of them for long.
	for n := range 3 {
		end := first.Add(time.Duration(n)*time.Minute + 5*time.Second)
		if n == 2 {
			end = time.Time{}
		}
		d.takesPlace(tool, first.Add(time.Duration(n)*time.Minute), end)
	}
	d.ahead.Store(int64(time.Until(first.Add(4*time.Minute + judgeAfter + time.Second))))
	d.passes(tool, 2)
	missed := d.missed(tool)
	if len(missed) != 1 || missed[0].Reason != api.RunSkipped || missed[0].Runs != 2 {
		t.Fatalf("missed are %+v", missed)
	}
	if want := "the run of " + first.Add(2*time.Minute).UTC().Format("2006-01-02 15:04 UTC") + " still ran"; missed[0].Message != want {
		t.Errorf("the message is %q, want %q", missed[0].Message, want)
	}
}

// takesPlace does what the controllers of CronJobs and Jobs do. Without an end, the run is not over.
func (d *daemon) takesPlace(tool *api.Tool, due, end time.Time) {
	d.t.Helper()
	cronJob := &batchv1.CronJob{}
	if err := d.admin.Get(d.t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "tick"}, cronJob); err != nil {
		d.t.Fatal(err)
	}
	job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Namespace: cronJob.Namespace, Name: fmt.Sprintf("tick-%d", due.Unix()/60), Labels: cronJob.Spec.JobTemplate.Labels,
		Annotations:     map[string]string{batchv1.CronJobScheduledTimestampAnnotation: due.UTC().Format(time.RFC3339)},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(cronJob, cronJobKind)},
	}, Spec: cronJob.Spec.JobTemplate.Spec}
	if err := d.admin.Create(d.t.Context(), job); err != nil {
		d.t.Fatal(err)
	}
	job.Status = batchv1.JobStatus{StartTime: ptr.To(metav1.NewTime(due)), Active: 1}
	if !end.IsZero() {
		job.Status = batchv1.JobStatus{StartTime: ptr.To(metav1.NewTime(due)), CompletionTime: ptr.To(metav1.NewTime(end)), Succeeded: 1, Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(end)},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(end)},
		}}
	}
	if err := d.admin.Status().Update(d.t.Context(), job); err != nil {
		d.t.Fatal(err)
	}
	cronJob.Status.LastScheduleTime = ptr.To(metav1.NewTime(due))
	if err := d.admin.Status().Update(d.t.Context(), cronJob); err != nil {
		d.t.Fatal(err)
	}
}

// Another schedule begins now: what it would have run before was not missed. A job that goes is forgotten.
func TestChangedSchedule(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", "jobs:\n  - {name: tick, schedule: \"0 0 1 1 *\", command: ./tick}\n", "tree1")
	d.untilServing(tool, "one")
	before := d.status(tool).Jobs[0].Since
	d.ahead.Store(int64(10 * time.Minute))
	d.push(tool, "two", minutely, "tree1")
	d.untilServing(tool, "two")
	d.passes(tool, 2)
	job := d.status(tool).Jobs[0]
	if job.Schedule != "* * * * *" || job.Since.Sub(before.Time) < 9*time.Minute || len(job.Missed) != 0 {
		t.Errorf("the job is %+v, and had its schedule of before since %v", job, before)
	}
	d.push(tool, "three", "jobs: []", "tree1")
	d.untilServing(tool, "three")
	if jobs := d.status(tool).Jobs; len(jobs) != 0 {
		t.Errorf("the jobs are %+v", jobs)
	}
}
