package report

import (
	"fmt"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/runs"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// The values of the label api.EmailsLabel, as `emails` in toolforge.yaml has them.
const (
	onFinish  = "onfinish"
	onFailure = "onfailure"
	all       = "all"
)

// event is one thing that happened to a job.
type event struct {
	// key names it: the same thing has the same key, also after a restart.
	key string
	// replaces names what it is the newest word on: of events that wait with the same, the last is told. Empty for none.
	replaces string
	job      string
	at       time.Time
	// what happened, in a sentence without the job's name.
	what    string
	failure bool
	// claim notes on an object that it was told; nil where that is kept nowhere.
	claim *claim
}

// claim is the value of api.ReportedAnnotation that an object gets.
type claim struct {
	object client.Object
	value  string
}

// What api.ReportedAnnotation of a Job says.
const (
	toldStart = "start"
	toldEnd   = "end"
)

// wanted tells whether `emails` asks for a mail of a run that is over or has only started.
func wanted(emails string, r runs.Run) bool {
	failed := r.Over() && r.Outcome != runs.Succeeded
	return emails == all || emails == onFinish && r.Over() || emails == onFailure && failed
}

// runEvent is the start or the end of a run.
func runEvent(job *batchv1.Job, r runs.Run) event {
	e := event{job: runs.JobName(job), at: r.Started, what: runName(r) + " has started"}
	told := toldStart
	if r.Over() {
		told = toldEnd
		e.at, e.failure = r.Finished, r.Outcome != runs.Succeeded
		e.what = runName(r) + " " + r.Says()
		if !r.Started.IsZero() {
			e.what += fmt.Sprintf(", after %s", r.Finished.Sub(r.Started).Round(time.Second))
		}
		if r.Message != "" {
			e.what += ": " + clean(r.Message, maxMessage)
		}
	}
	e.key = string(job.UID) + "/" + told
	e.claim = &claim{job, told}
	return e
}

func runName(r runs.Run) string {
	if r.Due.IsZero() {
		return "the run " + r.Name
	}
	return "the run of " + stamp(r.Due)
}

// missedEvent is of runs that did not take place; those up to told were told of before.
func missedEvent(cronJob *batchv1.CronJob, missed api.MissedRuns, told time.Time) event {
	e := event{
		key:      fmt.Sprintf("%s/missed/%d", cronJob.UID, missed.Last.Unix()),
		replaces: fmt.Sprintf("%s/missed/%d", cronJob.UID, missed.First.Unix()),
		job:      cronJob.Name,
		at:       missed.Last.UTC(),
		failure:  true,
		claim:    &claim{cronJob, missed.Last.UTC().Format(time.RFC3339)},
	}
	because := clean(missed.Message, maxMessage)
	switch {
	case missed.Runs == 1:
		e.what = fmt.Sprintf("the run of %s did not take place: %s", stamp(missed.Last.Time), because)
	case missed.First.After(told):
		e.what = fmt.Sprintf("%d runs did not take place, from that of %s to that of %s: %s", missed.Runs, stamp(missed.First.Time), stamp(missed.Last.Time), because)
	default:
		e.what = fmt.Sprintf("more runs did not take place, up to that of %s", stamp(missed.Last.Time))
	}
	return e
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
