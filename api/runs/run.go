package runs

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Outcome is what became of a run.
type Outcome string

// The outcomes of a run.
const (
	// Running: it is not over.
	Running Outcome = "Running"
	// Succeeded: its process ended with exit code 0.
	Succeeded Outcome = "Succeeded"
	// Failed: its process ended with another, as often as it may be tried.
	Failed Outcome = "Failed"
	// TimedOut: it was ended because it took longer than its timeout.
	TimedOut Outcome = "TimedOut"
	// OutOfMemory: it was ended because it used more memory than it may.
	OutOfMemory Outcome = "OutOfMemory"
	// NotStarted: its process never ran.
	NotStarted Outcome = "NotStarted"
)

// Run is one run of a job.
type Run struct {
	// Name is the name of its Job.
	Name string
	// Due is when it should have started by the schedule; the zero time for one that somebody started by hand.
	Due time.Time
	// Started is when its Job was started, Finished when it was over; each the zero time before.
	Started, Finished time.Time
	// Outcome is what became of it.
	Outcome Outcome
	// ExitCode is that of its process, the last time that it was tried; nil when that is not known.
	ExitCode *int32
	// Attempts counts how often its process was started or was to be, 0 for not at all.
	Attempts int32
	// Message says what happened, or what it waits for; it may be long and have anything in it. Empty when there is no more to
	// say than the outcome does.
	Message string
}

// Over tells whether the run has ended.
func (r Run) Over() bool { return r.Outcome != Running }

// Of is the run of a Job, as its pods tell more of it. Pods of other Jobs are passed over; without pods, how its process
// ended is not known.
func Of(job *batchv1.Job, pods []corev1.Pod) Run {
	r := Run{
		Name:     job.Name,
		Due:      due(job),
		Outcome:  Running,
		Attempts: job.Status.Active + job.Status.Succeeded + job.Status.Failed,
	}
	if job.Status.StartTime != nil {
		r.Started = job.Status.StartTime.UTC()
	}
	newest := newestOf(job, pods)
	for _, condition := range job.Status.Conditions {
		if condition.Status != corev1.ConditionTrue {
			continue
		}
		switch condition.Type {
		case batchv1.JobComplete:
			r.Outcome, r.Finished, r.ExitCode = Succeeded, condition.LastTransitionTime.UTC(), new(int32)
			return r
		case batchv1.JobFailed:
			r.Finished = condition.LastTransitionTime.UTC()
			r.fail(condition, newest)
			return r
		}
	}
	if newest != nil {
		r.Message = Waiting(newest)
	}
	return r
}

func (r *Run) fail(condition batchv1.JobCondition, pod *corev1.Pod) {
	r.Outcome, r.Message = Failed, condition.Message
	if condition.Reason == batchv1.JobReasonDeadlineExceeded {
		r.Outcome, r.Message = TimedOut, ""
	}
	if pod == nil {
		return
	}
	ended := terminated(pod)
	switch {
	case pod.Status.Reason == "DeadlineExceeded": // kubelet's word, for a pod's own deadline
		r.Outcome, r.Message = TimedOut, ""
		if ended != nil {
			r.ExitCode = &ended.ExitCode
		}
	case ended != nil && ended.Reason == "OOMKilled":
		r.Outcome, r.Message, r.ExitCode = OutOfMemory, "", &ended.ExitCode
	case ended != nil && (ended.Reason == "ContainerCannotRun" || ended.Reason == "StartError"):
		r.Outcome, r.Message = NotStarted, ended.Message
	case ended != nil && r.Outcome == Failed:
		r.Message, r.ExitCode = "", &ended.ExitCode
	case pod.Status.Reason != "": // such as Evicted
		r.Message = pod.Status.Reason + ": " + pod.Status.Message
	case Waiting(pod) != "":
		r.Outcome, r.Message = NotStarted, Waiting(pod)
	}
}

// Says is the outcome in words.
func (r Run) Says() string {
	text := map[Outcome]string{
		Running:     "runs",
		Succeeded:   "succeeded",
		Failed:      "failed",
		TimedOut:    "was ended by its timeout",
		OutOfMemory: "was ended because it used more memory than it may",
		NotStarted:  "could not start",
	}[r.Outcome]
	if r.Outcome == Running && r.Message != "" {
		text = "has not started"
	}
	if r.Outcome == Failed && r.ExitCode != nil {
		text = fmt.Sprintf("failed with exit code %d", *r.ExitCode)
	}
	if r.Over() && r.Outcome != Succeeded && r.Attempts > 1 {
		text += fmt.Sprintf(", the last of %d times", r.Attempts)
	}
	return text
}

// due is the time by the schedule for which the CronJob controller made a Job.
func due(job *batchv1.Job) time.Time {
	at, err := time.Parse(time.RFC3339, job.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

func newestOf(job *batchv1.Job, pods []corev1.Pod) *corev1.Pod {
	var newest *corev1.Pod
	for i := range pods {
		pod := &pods[i]
		if !metav1.IsControlledBy(pod, job) {
			continue
		}
		if newest == nil || newest.CreationTimestamp.Before(&pod.CreationTimestamp) {
			newest = pod
		}
	}
	return newest
}

func terminated(pod *corev1.Pod) *corev1.ContainerStateTerminated {
	for _, container := range pod.Status.ContainerStatuses {
		if container.State.Terminated != nil {
			return container.State.Terminated
		}
	}
	return nil
}

// Waiting is what keeps a pod's process from starting; empty when it runs or has run, or is only about to start.
func Waiting(pod *corev1.Pod) string {
	for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		if waits := container.State.Waiting; waits != nil && waits.Message != "" {
			return waits.Reason + ": " + waits.Message
		}
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
			return condition.Reason + ": " + condition.Message
		}
	}
	return ""
}

// Trouble says what is wrong with a pod that should run without end: how its process ended last, or what it waits for. Empty
// when nothing is.
func Trouble(pod *corev1.Pod) string {
	for _, container := range pod.Status.ContainerStatuses {
		ended := container.LastTerminationState.Terminated
		if container.State.Terminated != nil {
			ended = container.State.Terminated
		}
		switch {
		case ended == nil || container.Ready:
		case ended.Reason == "OOMKilled":
			return "its process was ended because it used more memory than it may"
		default:
			return fmt.Sprintf("its process ended with exit code %d", ended.ExitCode)
		}
	}
	return Waiting(pod)
}

// Sort puts runs in their order, newest first: by when they were due, or else started.
func Sort(all []Run) {
	slices.SortStableFunc(all, func(a, b Run) int {
		return cmp.Or(b.begun().Compare(a.begun()), cmp.Compare(b.Name, a.Name))
	})
}

func (r Run) begun() time.Time {
	if r.Due.IsZero() {
		return r.Started
	}
	return r.Due
}

// JobName is the name of the job that an object is of.
func JobName(object metav1.Object) string { return object.GetLabels()[api.NameLabel] }
