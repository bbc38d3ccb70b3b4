package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// maxRuns is about how many runs of pre-deploy jobs a tool's history remembers.
const maxRuns = 100

// runsOf are the runs that a deployment begins with. What the platform renders anew is the same deployment to its pre-deploy
// jobs: it has the runs that it had, and none when it serves already.
//
// Their names depend on nothing but what is in the status before it begins, and on the deployment that was begun before it:
// so a daemon that is killed before the status is written comes to the same names.
func runsOf(d *deployment, status *api.ToolStatus) []api.PreDeployRun {
	if now := status.Serving; now != nil && now.Commit == d.commit && sameImages(now.Images, d.images) {
		return nil
	}
	words := []string{d.commit}
	for _, image := range recordOf(d.images) {
		words = append(words, image.Name, image.Reference)
	}
	if last := latest(status); last != nil {
		if last.Commit == d.commit && sameImages(last.Images, d.images) {
			return slices.Clone(last.PreDeploy)
		}
		words = append(words, last.Commit, last.StartedAt.UTC().Format(time.RFC3339))
	}
	var runs []api.PreDeployRun
	for _, job := range d.preDeploy {
		name := job.GetName()
		runs = append(runs, api.PreDeployRun{Name: name, Job: render.PreDeployName(name, words...), State: api.PreDeployWaiting})
	}
	return runs
}

// forgetRuns keeps a history small: old entries lose their runs.
func forgetRuns(history []api.PastDeployment) {
	runs := 0
	for i := range history {
		if runs >= maxRuns {
			history[i].PreDeploy = nil
		}
		runs += len(history[i].PreDeploy)
	}
}

// released tells whether all pre-deploy jobs of a deployment have succeeded.
func released(d *api.PastDeployment) bool {
	return !slices.ContainsFunc(d.PreDeploy, func(run api.PreDeployRun) bool { return run.State != api.PreDeploySucceeded })
}

// withheld tells whether a deployment is one of which a pre-deploy job failed, also when the platform renders it anew.
func withheld(last *api.PastDeployment, d *deployment) bool {
	return last.Outcome == api.OutcomeFailed && last.Commit == d.commit && sameImages(last.Images, d.images) &&
		slices.ContainsFunc(last.PreDeploy, func(run api.PreDeployRun) bool { return run.State == api.PreDeployFailed })
}

// ours tells whether an object is a pre-deploy job of the tool's.
func ours(object client.Object, tool string) bool {
	return owned(object, tool) && object.GetLabels()[api.ComponentLabel] == api.PreDeployComponent
}

// preDeployJobs lists the tool's pre-deploy jobs that were started and not deleted, as that reader has them.
func (t *Tools) preDeployJobs(ctx context.Context, reader client.Reader, tool *api.Tool, options ...client.ListOption) ([]batchv1.Job, error) {
	var list batchv1.JobList
	options = append(options, client.InNamespace(tool.TargetNamespace()), client.MatchingLabels{
		api.ManagedByLabel: api.ManagedBy, api.ToolLabel: tool.Name, api.ComponentLabel: api.PreDeployComponent,
	})
	if err := reader.List(ctx, &list, options...); err != nil {
		return nil, fmt.Errorf("list pre-deploy jobs: %w", err)
	}
	return list.Items, nil
}

func jobNamed(jobs []batchv1.Job, name string) *batchv1.Job {
	at := slices.IndexFunc(jobs, func(job batchv1.Job) bool { return job.Name == name })
	if at < 0 {
		return nil
	}
	return &jobs[at]
}

// unended is the name of a Job beside the named one that may still run; empty when there is none.
func unended(jobs []batchv1.Job, but string) string {
	at := slices.IndexFunc(jobs, func(job batchv1.Job) bool { return job.Name != but && jobEnd(&job) == nil })
	if at < 0 {
		return ""
	}
	return jobs[at].Name
}

// jobEnd is the condition with which a Job ended; nil while it may still run.
func jobEnd(job *batchv1.Job) *batchv1.JobCondition {
	at := slices.IndexFunc(job.Status.Conditions, func(c batchv1.JobCondition) bool {
		return (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue
	})
	if at < 0 {
		return nil
	}
	return &job.Status.Conditions[at]
}

// noteRuns writes down what became of runs, also of those of deployments that were superseded meanwhile.
func (t *Tools) noteRuns(ctx context.Context, tool *api.Tool, jobs []batchv1.Job) error {
	for i := range tool.Status.History {
		for j := range tool.Status.History[i].PreDeploy {
			run := &tool.Status.History[i].PreDeploy[j]
			job := jobNamed(jobs, run.Job)
			if job == nil || over(run) {
				continue
			}
			if err := t.noteRun(ctx, run, job); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tools) noteRun(ctx context.Context, run *api.PreDeployRun, job *batchv1.Job) error {
	if run.State == api.PreDeployWaiting {
		created := job.CreationTimestamp
		run.State, run.StartedAt = api.PreDeployRunning, &created
	}
	end := jobEnd(job)
	if end == nil {
		return nil
	}
	if end.Type == batchv1.JobComplete {
		run.ExitCode = ptr.To(int32(0))
		t.endRun(run, api.PreDeploySucceeded, end.LastTransitionTime, "")
		return nil
	}
	code, why, err := t.jobFailure(ctx, job, end)
	if err != nil {
		return err
	}
	run.ExitCode = code
	t.endRun(run, api.PreDeployFailed, end.LastTransitionTime, why)
	return nil
}

func (t *Tools) endRun(run *api.PreDeployRun, state api.PreDeployState, at metav1.Time, message string) {
	run.State, run.FinishedAt, run.Message = state, &at, clip(message, maxReason)
}

// jobFailure says why a Job failed: in the words of its pod, if it still has one.
func (t *Tools) jobFailure(ctx context.Context, job *batchv1.Job, end *batchv1.JobCondition) (code *int32, why string, err error) {
	if end.Reason == batchv1.JobReasonDeadlineExceeded {
		timeout := time.Duration(ptr.Deref(job.Spec.ActiveDeadlineSeconds, 0)) * time.Second
		if job.Status.Failed == 0 {
			return nil, fmt.Sprintf("no pod could be made for it within its timeout of %s: the tool's quota may be exhausted", timeout), nil
		}
		return nil, fmt.Sprintf("it took longer than its timeout of %s, and was ended", timeout), nil
	}
	var pods corev1.PodList
	if err := t.Live.List(ctx, &pods, client.InNamespace(job.Namespace), client.MatchingLabels{batchv1.JobNameLabel: job.Name}, client.Limit(10)); err != nil {
		return nil, "", fmt.Errorf("list the pods of Job %s: %w", job.Name, err)
	}
	for i := range pods.Items {
		for _, container := range pods.Items[i].Status.ContainerStatuses {
			if ended := container.State.Terminated; ended != nil {
				return ptr.To(ended.ExitCode), lastWords(ended), nil
			}
		}
		if message := pods.Items[i].Status.Message; message != "" {
			why = ": " + message
		}
	}
	return nil, "its pod was lost" + why, nil
}

// keptRuns are the runs whose Jobs stay when they have ended, so that their logs can be read: those of the newest commit that
// was deployed.
func keptRuns(history []api.PastDeployment) []api.PreDeployRun {
	for i := range history {
		if history[i].Commit != history[0].Commit {
			break
		}
		if len(history[i].PreDeploy) > 0 {
			return history[i].PreDeploy
		}
	}
	return nil
}

// sweep deletes the Jobs of older deployments that have ended. One that the history does not know and that is no older than
// the newest deployment is of one that could not be written down, and may be wanted again.
func (t *Tools) sweep(ctx context.Context, p *pass, jobs []batchv1.Job) error {
	last := latest(&p.tool.Status)
	if last == nil {
		return nil
	}
	kept := keptRuns(p.tool.Status.History)
	for i := range jobs {
		job := &jobs[i]
		if jobEnd(job) == nil || slices.ContainsFunc(kept, func(run api.PreDeployRun) bool { return run.Job == job.Name }) {
			continue
		}
		run := runBy(p.tool.Status.History, job.Name)
		if run == nil && !job.CreationTimestamp.Before(&last.StartedAt) {
			continue
		}
		if run != nil && !over(run) {
			// Once its end is written down, it can go.
			p.again(recordWritten)
			continue
		}
		if err := t.removeRun(ctx, job); err != nil {
			return err
		}
	}
	return nil
}

// runBy is the run of the named Job; nil when the history has none.
func runBy(history []api.PastDeployment, job string) *api.PreDeployRun {
	for i := range history {
		for j := range history[i].PreDeploy {
			if history[i].PreDeploy[j].Job == job {
				return &history[i].PreDeploy[j]
			}
		}
	}
	return nil
}

// over tells whether a run has ended.
func over(run *api.PreDeployRun) bool {
	return run.State == api.PreDeploySucceeded || run.State == api.PreDeployFailed
}

// removeRuns deletes all of the tool's pre-deploy jobs, by the API server's own word: the cache may not show one yet.
func (t *Tools) removeRuns(ctx context.Context, tool *api.Tool) error {
	jobs, err := t.preDeployJobs(ctx, t.Live, tool)
	if err != nil {
		return err
	}
	for i := range jobs {
		if err := t.removeRun(ctx, &jobs[i]); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tools) removeRun(ctx context.Context, job *batchv1.Job) error {
	if job.DeletionTimestamp != nil {
		return nil
	}
	named := &metav1.PartialObjectMetadata{}
	named.SetGroupVersionKind(jobKind)
	named.SetNamespace(job.Namespace)
	named.SetName(job.Name)
	err := t.Client.Delete(ctx, named, client.PropagationPolicy(metav1.DeletePropagationBackground), client.Preconditions{UID: &job.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Job %s in namespace %s: %w", job.Name, job.Namespace, err)
	}
	return nil
}
