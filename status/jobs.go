package status

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/runs"
	"github.com/toolforge/toolforged/api/v1alpha1"
)

// maxRuns bounds the runs that are told of one job: those that are under way may be many.
const maxRuns = 10

// jobsOf tells of a tool's jobs, sorted by name. It reads from the cache; the pods of a tool are asked for only where one of
// its runs failed or does not get on.
func (s store) jobsOf(ctx context.Context, tool *v1alpha1.Tool) ([]Job, error) {
	var cronJobs batchv1.CronJobList
	var taken batchv1.JobList
	var deployments appsv1.DeploymentList
	for _, list := range []client.ObjectList{&cronJobs, &taken, &deployments} {
		if err := s.reader.List(ctx, list, uncopied, ofTool(tool)); err != nil {
			return nil, fmt.Errorf("listing the jobs of tool %s: %w", tool.Name, err)
		}
	}
	var pods []corev1.Pod
	if slices.ContainsFunc(taken.Items, troubled) || slices.ContainsFunc(deployments.Items, limping) {
		pods = s.pods.of(ctx, tool)
	}
	jobs := make([]Job, 0, len(cronJobs.Items))
	for i := range cronJobs.Items {
		jobs = append(jobs, s.scheduled(tool, &cronJobs.Items[i], taken.Items, pods))
	}
	for i := range deployments.Items {
		if d := &deployments.Items[i]; d.Labels[v1alpha1.ComponentLabel] == v1alpha1.ContinuousJobComponent {
			jobs = append(jobs, continuous(d, pods))
		}
	}
	slices.SortFunc(jobs, func(a, b Job) int { return cmp.Compare(a.Name, b.Name) })
	return jobs, nil
}

// ofTool selects a tool's objects.
func ofTool(tool *v1alpha1.Tool) client.ListOption {
	options := &client.ListOptions{Namespace: tool.TargetNamespace()}
	client.MatchingLabels{v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.ToolLabel: tool.Name}.ApplyToList(options)
	return options
}

// troubled tells whether the pods of a Job may say more of it than the Job does.
func troubled(job batchv1.Job) bool {
	r := runs.Of(&job, nil)
	waits := r.Outcome == runs.Running && (job.Status.Ready == nil || *job.Status.Ready == 0)
	return waits || r.Over() && r.Outcome != runs.Succeeded
}

func limping(d appsv1.Deployment) bool {
	return d.Labels[v1alpha1.ComponentLabel] == v1alpha1.ContinuousJobComponent && d.Status.ReadyReplicas < replicas(&d)
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

func (s store) scheduled(tool *v1alpha1.Tool, cronJob *batchv1.CronJob, taken []batchv1.Job, pods []corev1.Pod) Job {
	job := Job{
		Name:        cronJob.Name,
		Kind:        "scheduled",
		Schedule:    message(cronJob.Spec.Schedule),
		LastSuccess: utc(cronJob.Status.LastSuccessfulTime),
		Runs:        []Run{},
		Missed:      []Missed{},
	}
	if schedule, err := runs.ParseSchedule(cronJob.Spec.Schedule); err == nil {
		if next := schedule.Next(s.now()); !next.IsZero() {
			job.NextRun = &next
		}
	}
	for _, r := range runsOf(cronJob.Name, taken, pods) {
		told := runOf(r)
		if s.logs {
			told.Log = logPath(tool.Name, cronJob.Name) + "?run=" + r.Name
		}
		job.Runs = append(job.Runs, told)
	}
	for _, kept := range tool.Status.Jobs {
		if kept.Name == cronJob.Name {
			job.Missed = collect(kept.Missed, missedOf)
		}
	}
	return job
}

// runsOf are the runs of a scheduled job that are known, newest first.
func runsOf(name string, taken []batchv1.Job, pods []corev1.Pod) []runs.Run {
	var all []runs.Run
	for i := range taken {
		if isOf(&taken[i], name) {
			all = append(all, runs.Of(&taken[i], pods))
		}
	}
	runs.Sort(all)
	return all[:min(len(all), maxRuns)]
}

func isOf(job *batchv1.Job, name string) bool {
	return runs.JobName(job) == name && job.Labels[v1alpha1.ComponentLabel] == v1alpha1.ScheduledJobComponent
}

func runOf(r runs.Run) Run {
	return Run{
		Name:       r.Name,
		Due:        known(r.Due),
		StartedAt:  known(r.Started),
		FinishedAt: known(r.Finished),
		Outcome:    string(r.Outcome),
		ExitCode:   r.ExitCode,
		Attempts:   int(r.Attempts),
		Says:       r.Says(),
		Message:    message(r.Message),
	}
}

func logPath(tool, job string) string { return "/api/v1/tools/" + tool + "/jobs/" + job + "/log" }

func missedOf(m v1alpha1.MissedRuns) Missed {
	return Missed{
		First: utc(&m.First), Last: utc(&m.Last), Runs: int(m.Runs), Reason: string(m.Reason), Message: message(m.Message),
	}
}

func continuous(d *appsv1.Deployment, pods []corev1.Pod) Job {
	job := Job{
		Name:          d.Name,
		Kind:          "continuous",
		Replicas:      int(replicas(d)),
		ReadyReplicas: int(d.Status.ReadyReplicas),
		Runs:          []Run{},
		Missed:        []Missed{},
	}
	if !limping(*d) {
		return job
	}
	for i := range pods {
		if pods[i].Labels[v1alpha1.NameLabel] == d.Name {
			if why := runs.Trouble(&pods[i]); why != "" {
				job.Message = message(why)
				break
			}
		}
	}
	return job
}

// known is a time to show; nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
