package report

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/runs"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// gatherRuns finds runs that started or ended. For one that failed, its pods are asked for: they have the exit code.
func (m *Mailer) gatherRuns(ctx context.Context, tool *api.Tool, b *box) error {
	var jobs batchv1.JobList
	if err := m.Client.List(ctx, &jobs, ofTool(tool, nil), client.HasLabels{api.EmailsLabel}); err != nil {
		return fmt.Errorf("list Jobs: %w", err)
	}
	for i := range jobs.Items {
		job := &jobs.Items[i]
		r := runs.Of(job, nil)
		if r.Started.IsZero() || !wanted(job.Labels[api.EmailsLabel], r) || told(job, r) || b.knows(runEvent(job, r).key) {
			continue
		}
		if r.Over() && m.Now().Sub(r.Finished) > tooOld {
			continue
		}
		if r.Over() && r.Outcome != runs.Succeeded {
			pods, err := m.podsOf(ctx, tool, client.MatchingLabels{batchv1.JobNameLabel: job.Name})
			if err != nil {
				return err
			}
			r = runs.Of(job, pods)
		}
		b.add(runEvent(job, r), m.Now())
	}
	return nil
}

// told tells whether a Job says that its run, as it stands, was told of.
func told(job *batchv1.Job, r runs.Run) bool {
	said := job.Annotations[api.ReportedAnnotation]
	return said == toldEnd || said == toldStart && !r.Over()
}

// gatherMissed finds runs that did not take place.
func (m *Mailer) gatherMissed(ctx context.Context, tool *api.Tool, b *box) error {
	for _, job := range tool.Status.Jobs {
		if len(job.Missed) == 0 {
			continue
		}
		cronJob := &batchv1.CronJob{}
		err := m.Client.Get(ctx, client.ObjectKey{Namespace: tool.TargetNamespace(), Name: job.Name}, cronJob)
		if client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("read CronJob %s: %w", job.Name, err)
		}
		if err != nil || cronJob.Labels[api.EmailsLabel] == "" || cronJob.Labels[api.ToolLabel] != tool.Name {
			continue
		}
		told, err := time.Parse(time.RFC3339, cronJob.Annotations[api.ReportedAnnotation])
		if oldest := m.Now().Add(-tooOld); err != nil || told.Before(oldest) {
			told = oldest
		}
		for _, missed := range backwards(job.Missed) {
			if missed.Last.After(told) {
				b.add(missedEvent(cronJob, missed, told), m.Now())
			}
		}
	}
	return nil
}

// backwards are the entries in the order in which they happened: so the last that is noted as told is the newest.
func backwards(missed []api.MissedRuns) []api.MissedRuns {
	oldestFirst := make([]api.MissedRuns, 0, len(missed))
	for i := len(missed) - 1; i >= 0; i-- {
		oldestFirst = append(oldestFirst, missed[i])
	}
	return oldestFirst
}

// gatherCrashes finds processes of continuous jobs that ended. A Deployment changes when one does: only then its pods are
// asked for. What happened before this daemon was the leader, the one before it has told.
func (m *Mailer) gatherCrashes(ctx context.Context, tool *api.Tool, b *box) error {
	var deployments appsv1.DeploymentList
	if err := m.Client.List(ctx, &deployments, ofTool(tool, nil), client.HasLabels{api.EmailsLabel}); err != nil {
		return fmt.Errorf("list Deployments: %w", err)
	}
	for i := range deployments.Items {
		deployment := &deployments.Items[i]
		if m.looks.seen(tool.Name, deployment) {
			continue
		}
		pods, err := m.podsOf(ctx, tool, client.MatchingLabels{api.NameLabel: deployment.Name})
		if err != nil {
			return err
		}
		for i := range pods {
			if e := m.crash(deployment.Name, &pods[i]); e != nil {
				b.add(*e, m.Now())
			}
		}
		m.looks.saw(tool.Name, deployment)
	}
	return nil
}

// crash is how the process of a pod ended last; nil when it never did, or that was before.
func (m *Mailer) crash(job string, pod *corev1.Pod) *event {
	for _, container := range pod.Status.ContainerStatuses {
		ended := container.State.Terminated
		if ended == nil {
			ended = container.LastTerminationState.Terminated
		}
		if container.Name != job || ended == nil || ended.FinishedAt.Time.Before(m.since) || pod.DeletionTimestamp != nil {
			continue
		}
		what := fmt.Sprintf("its process ended with exit code %d and is started again", ended.ExitCode)
		if ended.Reason == "OOMKilled" {
			what = "its process was ended because it used more memory than it may, and is started again"
		}
		return &event{
			key: fmt.Sprintf("%s/%s", pod.UID, ended.ContainerID), job: job, at: ended.FinishedAt.UTC(), what: what, failure: true,
		}
	}
	return nil
}

// looks remembers in which version each Deployment was looked at.
type looks struct {
	mu     sync.Mutex
	byTool map[string]map[string]string
}

func newLooks() *looks { return &looks{byTool: make(map[string]map[string]string)} }

func (l *looks) seen(tool string, of *appsv1.Deployment) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byTool[tool][of.Name] == of.ResourceVersion
}

func (l *looks) saw(tool string, of *appsv1.Deployment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byTool[tool] == nil {
		l.byTool[tool] = make(map[string]string)
	}
	l.byTool[tool][of.Name] = of.ResourceVersion
}

func (l *looks) forget(tool string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byTool, tool)
}
