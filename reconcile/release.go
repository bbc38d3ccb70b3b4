package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// hesitate has what served before stay the target, for as long as the pre-deploy jobs of the target have not all succeeded.
func (t *Tools) hesitate(ctx context.Context, p *pass) error {
	now := p.tool.Status.Deploying
	if p.target == nil || now == nil || !p.target.is(now.Commit, now.Key) || released(latest(&p.tool.Status)) {
		return nil
	}
	p.next, p.target = p.target, nil
	return t.resume(ctx, p, p.tool.Status.Serving)
}

// release runs the pre-deploy jobs of the newest deployment, one after the other. Nothing of it is applied before all have
// succeeded, and when one fails nothing ever is.
func (t *Tools) release(ctx context.Context, p *pass) result {
	jobs, err := t.preDeployJobs(ctx, t.Client, p.tool, client.UnsafeDisableDeepCopy)
	if err != nil {
		return fail(api.ReasonPreDeployRunning, err)
	}
	if err := t.sweep(ctx, p, jobs); err != nil {
		return fail(api.ReasonPruneFailed, err)
	}
	if err := t.noteRuns(ctx, p.tool, jobs); err != nil {
		return fail(api.ReasonPreDeployRunning, err)
	}
	switch {
	case p.next != nil:
		return t.advance(ctx, p, jobs)
	case p.withheld != nil:
		return notReleased(p.withheld)
	case len(p.target.preDeploy) == 0:
		return ok(fmt.Sprintf("commit %.7s has no pre-deploy jobs", p.target.commit))
	default:
		return ok(fmt.Sprintf("the pre-deploy jobs of commit %.7s have succeeded", p.target.commit))
	}
}

// advance goes on with the first pre-deploy job that has not succeeded.
func (t *Tools) advance(ctx context.Context, p *pass, jobs []batchv1.Job) result {
	for _, object := range p.prerequisites() {
		if r := t.apply(ctx, p, object); r.outcome > degraded {
			return r
		}
	}
	status := &p.tool.Status
	runs := latest(status).PreDeploy
	at := slices.IndexFunc(runs, func(run api.PreDeployRun) bool { return run.State != api.PreDeploySucceeded })
	if at < 0 {
		// Written down before anything is applied. Only now does the time run in which it must become healthy.
		status.Deploying.Since = t.now()
		p.again(cacheCheck)
		return wait(api.ReasonPreDeployRunning, fmt.Sprintf("the pre-deploy jobs of commit %.7s have succeeded: it is applied next", p.next.commit), 0)
	}
	run := &runs[at]
	var r result
	switch run.State {
	case api.PreDeployWaiting:
		r = t.start(ctx, p, run, jobs)
	case api.PreDeployRunning:
		r = t.follow(ctx, p, run, jobs)
	}
	if run.State != api.PreDeployFailed {
		return r
	}
	t.finish(status, api.OutcomeFailed, fmt.Sprintf("pre-deploy job %s failed: %s", run.Name, run.Message))
	p.again(cacheCheck)
	return notReleased(latest(status))
}

// notReleased tells of a deployment of which a pre-deploy job failed.
func notReleased(d *api.PastDeployment) result {
	return stall(api.ReasonPreDeployFailed, fmt.Sprintf("commit %.7s is not deployed: %s", d.Commit, d.Message))
}

// start creates the Job of a run, unless it is there: then the daemon was killed before it could write that down. The Jobs
// are those that the cache shows.
func (t *Tools) start(ctx context.Context, p *pass, run *api.PreDeployRun, jobs []batchv1.Job) result {
	if other := unended(jobs, run.Job); other != "" {
		return t.queue(p, run, other)
	}
	// The cache may be late, and two runs at once are what must not be.
	jobs, err := t.preDeployJobs(ctx, t.Live, p.tool)
	if err != nil {
		return fail(api.ReasonPreDeployRunning, err)
	}
	if other := unended(jobs, run.Job); other != "" {
		return t.queue(p, run, other)
	}
	if jobNamed(jobs, run.Job) == nil {
		if r := t.create(ctx, p, run); r.outcome != done {
			return r
		}
	}
	now := t.now()
	run.State, run.StartedAt = api.PreDeployRunning, &now
	return wait(api.ReasonPreDeployRunning, fmt.Sprintf("commit %.7s: pre-deploy job %s is starting", p.next.commit, run.Name), explainAfter)
}

// create makes the Job of a run. What the API server refuses for good fails the run.
func (t *Tools) create(ctx context.Context, p *pass, run *api.PreDeployRun) result {
	at := slices.IndexFunc(p.next.preDeploy, func(o *unstructured.Unstructured) bool { return o.GetName() == run.Name })
	if at < 0 {
		return fail(api.ReasonPreDeployRunning, fmt.Errorf("commit %.7s has no pre-deploy job %s", p.next.commit, run.Name))
	}
	job := p.next.preDeploy[at].DeepCopy()
	job.SetName(run.Job)
	annotations := job.GetAnnotations()
	annotations[api.CommitAnnotation] = p.next.commit
	job.SetAnnotations(annotations)
	err := t.Client.Create(ctx, job, fieldOwner)
	switch {
	case err == nil:
		return ok("")
	case apierrors.IsAlreadyExists(err):
		live, err := t.ask(ctx, job)
		if err != nil {
			return fail(api.ReasonPreDeployRunning, err)
		}
		if live != nil && !ours(live, p.tool.Name) {
			return taken(api.ReasonObjectTaken, nameOf(job), live)
		}
		return ok("")
	case apierrors.IsInvalid(err), apierrors.IsForbidden(err) && strings.Contains(err.Error(), "exceeded quota"):
		t.endRun(run, api.PreDeployFailed, t.now(), err.Error())
		return stall(api.ReasonPreDeployFailed, err.Error())
	default:
		return fail(api.ReasonPreDeployRunning, fmt.Errorf("create %s: %w", nameOf(job), err))
	}
}

// queue says whose run must end first. It is not ended: half a migration is worse than a late one.
func (t *Tools) queue(p *pass, run *api.PreDeployRun, other string) result {
	what := "Job " + other
	for _, past := range p.tool.Status.History {
		for _, earlier := range past.PreDeploy {
			if earlier.Job == other {
				what = fmt.Sprintf("%s of commit %.7s", earlier.Name, past.Commit)
			}
		}
	}
	return wait(api.ReasonPreDeployRunning, fmt.Sprintf("commit %.7s: pre-deploy job %s waits for %s, which still runs", p.next.commit, run.Name, what), 0)
}

// follow tells of a run that was started and has not ended. One whose Job is gone is never started again.
func (t *Tools) follow(ctx context.Context, p *pass, run *api.PreDeployRun, jobs []batchv1.Job) result {
	job := jobNamed(jobs, run.Job)
	if job == nil {
		live, err := t.ask(ctx, reference(jobKind, p.tool.TargetNamespace(), run.Job))
		if err != nil {
			return fail(api.ReasonPreDeployRunning, err)
		}
		if live == nil || !ours(live, p.tool.Name) {
			t.endRun(run, api.PreDeployFailed, t.now(), "somebody deleted its Job before its end was known; it is not run again")
			return result{}
		}
	}
	message := fmt.Sprintf("commit %.7s: pre-deploy job %s runs since %s", p.next.commit, run.Name, run.StartedAt.UTC().Format(time.RFC3339))
	if job == nil || job.Status.Ready != nil && *job.Status.Ready > 0 {
		return wait(api.ReasonPreDeployRunning, message, 0)
	}
	if rest := run.StartedAt.Add(explainAfter).Sub(t.Now()); rest > 0 {
		return wait(api.ReasonPreDeployRunning, message, rest)
	}
	why := "no pod could be made for it yet: the tool's quota may be exhausted"
	if job.Status.Active > 0 {
		why = t.explain(ctx, p.tool.TargetNamespace(), client.MatchingLabels{batchv1.JobNameLabel: run.Job})
	}
	if why != "" {
		message += ": " + why
	}
	return wait(api.ReasonPreDeployRunning, message, 0)
}
