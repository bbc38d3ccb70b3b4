package runs

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func clock(of string) time.Time {
	at, err := time.Parse(time.DateTime, "2026-11-24 "+of)
	if err != nil {
		panic(err)
	}
	return at
}

func apiTime(of string) metav1.Time { return metav1.NewTime(clock(of)) }

// job is one that was due and started then; with an end, it succeeded then.
func job(due, end string) batchv1.Job {
	j := batchv1.Job{ObjectMeta: metav1.ObjectMeta{
		Name: "tick-" + strings.ReplaceAll(due, ":", ""), UID: "1",
		Annotations: map[string]string{batchv1.CronJobScheduledTimestampAnnotation: clock(due).Format(time.RFC3339)},
	}}
	j.Status.StartTime = ptr.To(apiTime(due))
	if end != "" {
		finish(&j, batchv1.JobComplete, "", end)
	}
	return j
}

func finish(j *batchv1.Job, kind batchv1.JobConditionType, reason, end string) {
	j.Status.Conditions = []batchv1.JobCondition{{
		Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: "the Job's message", LastTransitionTime: apiTime(end),
	}}
}

func failed(due, end string) batchv1.Job {
	j := job(due, "")
	finish(&j, batchv1.JobFailed, batchv1.JobReasonBackoffLimitExceeded, end)
	return j
}

func TestMissed(t *testing.T) {
	const each = "* * * * *"
	for _, test := range []struct {
		name, schedule, last, created string
		policy                        batchv1.ConcurrencyPolicy
		jobs                          []batchv1.Job
		after, until                  string
		want                          []string
	}{
		{name: "none was due", schedule: "0 * * * *", after: "12:00:00", until: "12:59:59"},
		{name: "the first", schedule: each, after: "12:00:10", until: "12:01:10", want: []string{"Missed 12:01:00 1"}},
		{name: "before the CronJob was made", schedule: each, created: "12:02:30", after: "12:00:00", until: "12:03:00", want: []string{"Missed 12:03:00 1"}},
		{name: "all took place", schedule: each, last: "12:02:00", after: "11:00:00", until: "12:02:20",
			jobs: []batchv1.Job{job("12:01:00", "12:01:10"), job("12:02:00", "")}},
		{name: "what is before the last success cannot be told", schedule: each, last: "12:02:00", after: "11:00:00", until: "12:02:20",
			jobs: []batchv1.Job{job("12:02:00", "12:02:10")}},
		{name: "a gap", schedule: each, last: "12:03:00", after: "11:00:00", until: "12:04:20",
			jobs: []batchv1.Job{job("12:01:00", "12:01:10"), job("12:03:00", "")}, want: []string{"Missed 12:02:00 2"}},
		{name: "a gap after a failure", schedule: each, last: "12:03:00", after: "11:00:00", until: "12:03:20",
			jobs: []batchv1.Job{failed("12:01:00", "12:01:10"), job("12:03:00", "")}, want: []string{"Missed 12:02:00 1"}},
		{name: "the platform was down for hours", schedule: "0 * * * *", last: "02:00:00", after: "00:00:00", until: "05:10:00",
			jobs: []batchv1.Job{job("02:00:00", "02:10:00")}, want: []string{"Missed 03:00:00 1", "Missed 04:00:00 1", "Missed 05:00:00 1"}},
		{name: "the run before still runs", schedule: each, last: "12:00:00", after: "11:59:00", until: "12:02:20", policy: batchv1.ForbidConcurrent,
			jobs: []batchv1.Job{job("12:00:00", "")}, want: []string{"Skipped 12:01:00 2 the run of 2026-11-24 12:00 UTC still ran"}},
		{name: "the run before had ended", schedule: each, last: "12:00:00", after: "11:59:00", until: "12:02:20", policy: batchv1.ForbidConcurrent,
			jobs: []batchv1.Job{job("12:00:00", "12:01:30")},
			want: []string{"Skipped 12:01:00 1 the run of 2026-11-24 12:00 UTC still ran", "Missed 12:02:00 1"}},
		{name: "allowed to overlap", schedule: each, last: "12:00:00", after: "11:59:00", until: "12:01:20", policy: batchv1.AllowConcurrent,
			jobs: []batchv1.Job{job("12:00:00", "")}, want: []string{"Missed 12:01:00 1"}},
		{name: "one was replaced", schedule: each, last: "12:02:00", after: "11:59:00", until: "12:03:20", policy: batchv1.ReplaceConcurrent,
			jobs: []batchv1.Job{job("12:02:00", "")}, want: []string{"Missed 12:03:00 1"}},
		{name: "somebody has removed the Jobs", schedule: each, last: "12:00:00", after: "11:00:00", until: "12:00:20"},
		{name: "one that was started by hand", schedule: each, last: "12:00:00", after: "11:00:00", until: "12:01:20",
			jobs: []batchv1.Job{{ObjectMeta: metav1.ObjectMeta{Name: "by-hand"}}}, want: []string{"Missed 12:01:00 1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			cronJob := &batchv1.CronJob{Spec: batchv1.CronJobSpec{Schedule: test.schedule, ConcurrencyPolicy: test.policy}}
			if test.last != "" {
				cronJob.Status.LastScheduleTime = ptr.To(apiTime(test.last))
			}
			if test.created != "" {
				cronJob.CreationTimestamp = apiTime(test.created)
			}
			missed, err := Missed(cronJob, test.jobs, clock(test.after), clock(test.until))
			if err != nil {
				t.Fatal(err)
			}
			if len(missed) != len(test.want) {
				t.Fatalf("missed are %+v, want %v", missed, test.want)
			}
			for i, m := range missed {
				said := strings.Join([]string{string(m.Reason), m.First.UTC().Format(time.TimeOnly), string('0' + m.Runs), m.Message}, " ")
				if !strings.HasPrefix(said, test.want[i]) {
					t.Errorf("missed is %q, want %q", said, test.want[i])
				}
			}
		})
	}
	if _, err := Missed(&batchv1.CronJob{Spec: batchv1.CronJobSpec{Schedule: "never"}}, nil, clock("12:00:00"), clock("12:01:00")); err == nil {
		t.Error("a schedule that is none is no error")
	}
}

// A schedule of each minute is not walked through from its beginning.
func TestBetweenIsBounded(t *testing.T) {
	s, err := ParseSchedule("* * * * *")
	if err != nil {
		t.Fatal(err)
	}
	until := clock("12:00:00")
	due := s.Between(until.AddDate(-50, 0, 0), until, 3)
	want := []time.Time{clock("11:58:00"), clock("11:59:00"), until}
	if diff := cmp.Diff(want, due); diff != "" {
		t.Errorf("due are other times (-want +got):\n%s", diff)
	}
	if allocated := testing.AllocsPerRun(1, func() { s.Between(until.AddDate(-50, 0, 0), until, 3) }); allocated > 100 {
		t.Errorf("%v allocations", allocated)
	}
	yearly, err := ParseSchedule("0 0 1 1 *")
	if err != nil {
		t.Fatal(err)
	}
	if due := yearly.Between(until.AddDate(-2, 0, 0), until, 100); len(due) != 2 {
		t.Errorf("a job of each year was due %v in two years", due)
	}
}

func pod(name string, status corev1.PodStatus) corev1.Pod {
	return corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, OwnerReferences: []metav1.OwnerReference{{UID: "1", Controller: ptr.To(true)}}},
		Status:     status,
	}
}

func ended(code int32, reason string) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: []corev1.ContainerStatus{{
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: "last words"}},
	}}}
}

func waits(reason, message string) corev1.PodStatus {
	return corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{{
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}},
	}}}
}

func TestOf(t *testing.T) {
	timedOut := failed("12:00:00", "12:00:20")
	timedOut.Status.Conditions[0].Reason = batchv1.JobReasonDeadlineExceeded
	deadline := ended(137, "Error")
	deadline.Reason = "DeadlineExceeded"
	evicted := corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted", Message: "the node was low on memory"}
	unschedulable := corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "no room"},
	}}
	retried := failed("12:00:00", "12:00:20")
	retried.Status.Failed = 3
	other := pod("other", ended(9, "Error"))
	other.OwnerReferences[0].UID = "2"
	old := pod("old", ended(1, "Error"))
	newer := pod("new", ended(2, "Error"))
	newer.CreationTimestamp = apiTime("12:00:10")
	for _, test := range []struct {
		name          string
		job           batchv1.Job
		pods          []corev1.Pod
		outcome       Outcome
		says, message string
		exitCode      *int32
	}{
		{"it runs", job("12:00:00", ""), []corev1.Pod{pod("a", corev1.PodStatus{Phase: corev1.PodRunning})}, Running, "runs", "", nil},
		{"it succeeded", job("12:00:00", "12:00:05"), nil, Succeeded, "succeeded", "", ptr.To(int32(0))},
		{"it failed", failed("12:00:00", "12:00:05"), []corev1.Pod{other, pod("a", ended(3, "Error"))}, Failed, "failed with exit code 3", "", ptr.To(int32(3))},
		{"it failed, its pod is gone", failed("12:00:00", "12:00:05"), []corev1.Pod{other}, Failed, "failed", "the Job's message", nil},
		{"the last attempt counts", retried, []corev1.Pod{newer, old}, Failed, "failed with exit code 2, the last of 3 times", "", ptr.To(int32(2))},
		{"ended by the Job's deadline", timedOut, nil, TimedOut, "was ended by its timeout", "", nil},
		{"ended by its pod's deadline", failed("12:00:00", "12:00:05"), []corev1.Pod{pod("a", deadline)}, TimedOut, "was ended by its timeout", "", ptr.To(int32(137))},
		{"too much memory", failed("12:00:00", "12:00:05"), []corev1.Pod{pod("a", ended(137, "OOMKilled"))}, OutOfMemory, "was ended because it used more memory than it may", "", ptr.To(int32(137))},
		{"no such program", failed("12:00:00", "12:00:05"), []corev1.Pod{pod("a", ended(128, "StartError"))}, NotStarted, "could not start", "last words", nil},
		{"never started", failed("12:00:00", "12:00:05"), []corev1.Pod{pod("a", waits("ErrImagePull", "no such image"))}, NotStarted, "could not start", "ErrImagePull: no such image", nil},
		{"evicted", failed("12:00:00", "12:00:05"), []corev1.Pod{pod("a", evicted)}, Failed, "failed", "Evicted: the node was low on memory", nil},
		{"waits for its image", job("12:00:00", ""), []corev1.Pod{pod("a", waits("ErrImagePull", "no such image"))}, Running, "has not started", "ErrImagePull: no such image", nil},
		{"waits for a node", job("12:00:00", ""), []corev1.Pod{pod("a", unschedulable)}, Running, "has not started", "Unschedulable: no room", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Of(&test.job, test.pods)
			if r.Outcome != test.outcome || r.Says() != test.says || r.Message != test.message {
				t.Errorf("the run is %s, says %q, with the message %q", r.Outcome, r.Says(), r.Message)
			}
			if diff := cmp.Diff(test.exitCode, r.ExitCode); diff != "" {
				t.Errorf("another exit code (-want +got):\n%s", diff)
			}
			if !r.Due.Equal(clock("12:00:00")) || r.Over() == r.Finished.IsZero() {
				t.Errorf("it was due at %v, finished at %v", r.Due, r.Finished)
			}
		})
	}
}

func TestMerge(t *testing.T) {
	at := func(of string, reason api.MissedReason) api.MissedRuns {
		return api.MissedRuns{First: apiTime(of), Last: apiTime(of), Runs: 1, Reason: reason}
	}
	before := []api.MissedRuns{at("12:00:00", api.RunMissed)}
	merged := Merge(before, at("12:10:00", api.RunMissed))
	if len(merged) != 1 || merged[0].Runs != 2 || !merged[0].Last.Equal(ptr.To(apiTime("12:10:00"))) {
		t.Errorf("soon after each other: %+v", merged)
	}
	if before[0].Runs != 1 {
		t.Error("the list that it was given is changed")
	}
	for _, next := range []api.MissedRuns{at("12:10:01", api.RunMissed), at("12:01:00", api.RunSkipped)} {
		if merged := Merge(before, next); len(merged) != 2 {
			t.Errorf("%+v is merged: %+v", next, merged)
		}
	}
}
