package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/runs"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	// judgeAfter is how long after it was due a run is judged: it may start late, and clocks differ.
	judgeAfter = runs.Late + 10*time.Second
	// lookAgain is the least time between two looks at a job that runs often, and between two writes of what one missed.
	lookAgain = 10 * time.Minute
	// askAgain is when the API server is asked again that could not tell.
	askAgain = 30 * time.Second
	// maxMissed is how many times that runs were missed are remembered of each job.
	maxMissed = 5
	// maxRunsAsked bounds how many Jobs of one CronJob are asked for.
	maxRunsAsked = 100
)

// runs notes which runs of scheduled jobs did not take place: nothing else remembers them. It costs no request while all do,
// and two for one that did not.
func (t *Tools) runs(ctx context.Context, p *pass) error {
	expect(p, t.now())
	if len(p.tool.Status.Jobs) == 0 {
		return nil
	}
	var cronJobs batchv1.CronJobList
	if err := t.Client.List(ctx, &cronJobs, ofTool(p.tool), client.UnsafeDisableDeepCopy); err != nil {
		return fmt.Errorf("list CronJobs: %w", err)
	}
	for i := range cronJobs.Items {
		cronJob := &cronJobs.Items[i]
		record := scheduledJob(p.tool, cronJob.Name)
		if record == nil || record.Schedule != cronJob.Spec.Schedule {
			continue // the cache is behind, or somebody has changed it: it is put back
		}
		if err := t.judge(ctx, p, cronJob, record); err != nil {
			return err
		}
	}
	return nil
}

// expect has the status name the scheduled jobs of what should run, each with the time since when it has its schedule.
func expect(p *pass, now metav1.Time) {
	if p.target == nil {
		return
	}
	var jobs []api.ScheduledJob
	for _, object := range p.target.objects {
		// One that the tool brings itself is its own affair.
		if object.GroupVersionKind() != cronJobKind || object.GetLabels()[api.ComponentLabel] != api.ScheduledJobComponent {
			continue
		}
		schedule, _, _ := unstructured.NestedString(object.Object, "spec", "schedule")
		job := api.ScheduledJob{Name: object.GetName(), Schedule: schedule, Since: now}
		if known := scheduledJob(p.tool, job.Name); known != nil {
			job.Missed = known.Missed
			if known.Schedule == schedule {
				job.Since = known.Since
			}
		}
		jobs = append(jobs, job)
	}
	p.tool.Status.Jobs = jobs
}

func scheduledJob(tool *api.Tool, name string) *api.ScheduledJob {
	at := slices.IndexFunc(tool.Status.Jobs, func(j api.ScheduledJob) bool { return j.Name == name })
	if at < 0 {
		return nil
	}
	return &tool.Status.Jobs[at]
}

// judge finds out which of a job's runs did not take place, as far as that can be said by now, and writes them down. It has
// the tool looked at again when the next can be judged.
func (t *Tools) judge(ctx context.Context, p *pass, cronJob *batchv1.CronJob, record *api.ScheduledJob) error {
	until := t.Now().Add(-judgeAfter)
	schedule, err := runs.ParseSchedule(record.Schedule)
	if err != nil {
		return err
	}
	known := t.lookout.job(p.tool.Name, record)
	if cronJob.Spec.Suspend == nil || !*cronJob.Spec.Suspend {
		missed, err := t.missed(ctx, p.tool, cronJob, known.until, until)
		if err != nil {
			return err
		}
		for _, m := range missed {
			known.missed = runs.Merge(known.missed, m)
		}
	}
	known.until = latestOf(known.until, until)
	if wait := lookAgain - t.Now().Sub(known.written); len(known.missed) > 0 && wait > 0 {
		p.again(wait)
	} else if len(known.missed) > 0 {
		write(record, known.missed)
		known.writing, known.missed, known.written = known.missed, nil, t.Now()
	}
	t.lookout.keep(p.tool.Name, record, known)
	if next := schedule.Next(until); !next.IsZero() {
		wait := next.Sub(until)
		if schedule.Next(next).Sub(next) < lookAgain {
			wait = max(wait, lookAgain) // each run that takes place wakes the tool anyway
		}
		p.again(wait)
	}
	return nil
}

// missed are the runs due in that time that did not take place: by what the cache has, and confirmed by the API server,
// since the cache may be behind.
func (t *Tools) missed(ctx context.Context, tool *api.Tool, cronJob *batchv1.CronJob, after, until time.Time) ([]api.MissedRuns, error) {
	of := client.MatchingLabels{api.NameLabel: cronJob.Name, api.ComponentLabel: api.ScheduledJobComponent}
	var jobs batchv1.JobList
	if err := t.Client.List(ctx, &jobs, ofTool(tool), of, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list Jobs: %w", err)
	}
	suspected, err := runs.Missed(cronJob, jobs.Items, after, until)
	if err != nil || len(suspected) == 0 {
		return nil, err
	}
	live := &batchv1.CronJob{}
	if err := t.Live.Get(ctx, client.ObjectKeyFromObject(cronJob), live); err != nil {
		return nil, client.IgnoreNotFound(fmt.Errorf("read CronJob %s: %w", cronJob.Name, err))
	}
	if live.Spec.Schedule != cronJob.Spec.Schedule {
		return nil, nil
	}
	if err := t.Live.List(ctx, &jobs, ofTool(tool), of, client.Limit(maxRunsAsked)); err != nil {
		return nil, fmt.Errorf("list the Jobs of CronJob %s: %w", cronJob.Name, err)
	}
	return runs.Missed(live, jobs.Items, after, until)
}

// write puts runs that were missed, oldest first, into what is remembered, newest first.
func write(record *api.ScheduledJob, missed []api.MissedRuns) {
	all := slices.Clone(record.Missed)
	slices.Reverse(all)
	for _, m := range missed {
		all = runs.Merge(all, m)
	}
	slices.Reverse(all)
	record.Missed = all[:min(len(all), maxMissed)]
}

func latestOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
