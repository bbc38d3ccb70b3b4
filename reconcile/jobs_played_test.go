package reconcile

import (
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// The API server of the tests has no controllers: here is what the Job controller and a kubelet would do.

// jobs are the tool's Jobs.
func (d *daemon) jobs(tool *api.Tool) []batchv1.Job {
	d.t.Helper()
	var list batchv1.JobList
	if err := d.admin.List(d.t.Context(), &list, client.InNamespace(tool.TargetNamespace())); err != nil {
		d.t.Fatal(err)
	}
	return list.Items
}

// untilJob waits for a Job of that pre-deploy job that has not ended.
func (d *daemon) untilJob(tool *api.Tool, name string) *batchv1.Job {
	d.t.Helper()
	var found *batchv1.Job
	d.until("a Job of "+name, func() bool {
		for _, job := range d.jobs(tool) {
			if job.Labels["app.kubernetes.io/name"] == name && jobEnd(&job) == nil {
				found = &job
			}
		}
		return found != nil
	})
	return found
}

// succeed ends a Job well.
func (d *daemon) succeed(job *batchv1.Job) {
	d.t.Helper()
	now := metav1.Now()
	job.Status = batchv1.JobStatus{
		StartTime: &job.CreationTimestamp, CompletionTime: &now, Succeeded: 1, UncountedTerminatedPods: &batchv1.UncountedTerminatedPods{},
		Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobSuccessCriteriaMet, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonCompletionsReached, LastTransitionTime: now},
			{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonCompletionsReached, LastTransitionTime: now},
		},
	}
	if err := d.admin.Status().Update(d.t.Context(), job); err != nil {
		d.t.Fatal(err)
	}
}

// breakOff ends a Job badly, for that reason. Failed is how many pods it had.
func (d *daemon) breakOff(job *batchv1.Job, reason string, failed int32) {
	d.t.Helper()
	now := metav1.Now()
	job.Status = batchv1.JobStatus{
		StartTime: &job.CreationTimestamp, Failed: failed, UncountedTerminatedPods: &batchv1.UncountedTerminatedPods{},
		Conditions: []batchv1.JobCondition{
			{Type: batchv1.JobFailureTarget, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: now},
			{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: reason, LastTransitionTime: now},
		},
	}
	if err := d.admin.Status().Update(d.t.Context(), job); err != nil {
		d.t.Fatal(err)
	}
}

// exit has a Job's only pod end with that code and those last words, and the Job fail of it.
func (d *daemon) exit(job *batchv1.Job, code int32, words string) {
	d.t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: job.Namespace, Name: job.Name + "-x", Labels: map[string]string{batchv1.JobNameLabel: job.Name},
		},
		Spec: job.Spec.Template.Spec,
	}
	if err := d.admin.Create(d.t.Context(), pod); err != nil {
		d.t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodFailed
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: pod.Spec.Containers[0].Name,
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, Reason: "Error", Message: words, FinishedAt: metav1.NewTime(time.Now()),
		}},
	}}
	if err := d.admin.Status().Update(d.t.Context(), pod); err != nil {
		d.t.Fatal(err)
	}
	d.breakOff(job, batchv1.JobReasonBackoffLimitExceeded, 1)
}

// deleteJob deletes a Job as somebody.
func (d *daemon) deleteJob(job *batchv1.Job) {
	d.t.Helper()
	now := client.PropagationPolicy(metav1.DeletePropagationBackground)
	if err := d.admin.Delete(d.t.Context(), job, now, client.GracePeriodSeconds(0)); err != nil {
		d.t.Fatal(err)
	}
}
