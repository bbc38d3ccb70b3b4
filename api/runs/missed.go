package runs

import (
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// maxMissed bounds how many missed runs are counted at once.
const maxMissed = 1000

// Missed are the runs of a CronJob that were due after one time and up to another, and did not take place, oldest first.
// Until must be Late before the present, or earlier.
//
// Jobs are those of the CronJob. It keeps the newest Job that succeeded and the newest that failed: of a run before one of
// them, or before the CronJob was made, nobody can say whether it took place, and it is not among these.
func Missed(cronJob *batchv1.CronJob, jobs []batchv1.Job, after, until time.Time) ([]api.MissedRuns, error) {
	schedule, err := ParseSchedule(cronJob.Spec.Schedule)
	if err != nil {
		return nil, err
	}
	took := make(map[time.Time]bool, len(jobs)+1)
	if last := cronJob.Status.LastScheduleTime; last != nil {
		took[last.UTC()] = true
	}
	for i := range jobs {
		took[due(&jobs[i])] = true
	}
	for _, known := range []time.Time{cronJob.CreationTimestamp.Time, knownSince(cronJob, jobs)} {
		if known.After(after) {
			after = known
		}
	}
	var missed []api.MissedRuns
	for _, at := range schedule.Between(after, until, maxMissed) {
		if !took[at] {
			missed = Merge(missed, why(cronJob, jobs, at))
		}
	}
	return missed, nil
}

// knownSince is the time after which every run that took place is known: it left a Job that is still there.
func knownSince(cronJob *batchv1.CronJob, jobs []batchv1.Job) time.Time {
	var known time.Time
	for i := range jobs {
		if r := Of(&jobs[i], nil); r.Over() && r.Due.After(known) {
			known = r.Due
		}
	}
	last := cronJob.Status.LastScheduleTime
	if last != nil && cronJob.Spec.ConcurrencyPolicy == batchv1.ReplaceConcurrent {
		return last.UTC() // one that was replaced leaves nothing
	}
	if known.IsZero() && last != nil {
		known = last.UTC() // somebody has removed them
		for i := range jobs {
			if at := due(&jobs[i]); !at.IsZero() && at.Before(known) {
				known = at
			}
		}
	}
	return known
}

// why says why the run of that time did not take place.
func why(cronJob *batchv1.CronJob, jobs []batchv1.Job, at time.Time) api.MissedRuns {
	missed := api.MissedRuns{
		First: metav1.NewTime(at), Last: metav1.NewTime(at), Runs: 1, Reason: api.RunMissed,
		Message: fmt.Sprintf("it was not started within %s of its time: the platform was down, or had no room for it", Late),
	}
	if cronJob.Spec.ConcurrencyPolicy != batchv1.ForbidConcurrent {
		return missed
	}
	for i := range jobs {
		r := Of(&jobs[i], nil)
		if r.begun().Before(at) && !r.begun().IsZero() && (!r.Over() || !r.Finished.Before(at)) {
			missed.Reason = api.RunSkipped
			missed.Message = fmt.Sprintf("the run of %s still ran", r.begun().Format("2006-01-02 15:04 UTC"))
			return missed
		}
	}
	return missed
}

// together is how soon after each other runs are missed that are told of as one.
const together = 10 * time.Minute

// Merge appends to runs that were missed, oldest first, one that was due later.
func Merge(missed []api.MissedRuns, next api.MissedRuns) []api.MissedRuns {
	if n := len(missed); n > 0 {
		if last := &missed[n-1]; last.Reason == next.Reason && next.First.Sub(last.Last.Time) <= together {
			missed = slices.Clone(missed)
			last = &missed[n-1]
			last.Last = next.Last
			last.Runs += next.Runs
			return missed
		}
	}
	return append(missed, next)
}
