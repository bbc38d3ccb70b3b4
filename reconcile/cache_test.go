package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// What the cache keeps of a Job tells what became of it, and no more.
func TestTrimJob(t *testing.T) {
	metadata := metav1.ObjectMeta{
		Name: "hourly-29", Namespace: "tool-wiki",
		Labels:      map[string]string{api.ToolLabel: "wiki"},
		Annotations: map[string]string{batchv1.CronJobScheduledTimestampAnnotation: "2026-11-24T12:00:00Z"},
	}
	status := batchv1.JobStatus{
		Failed:     1,
		Conditions: []batchv1.JobCondition{{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, Reason: batchv1.JobReasonDeadlineExceeded}},
	}
	job := &batchv1.Job{ObjectMeta: metadata, Status: status}
	job.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kube-controller-manager"}}
	job.Status.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
	job.Spec.BackoffLimit, job.Spec.ActiveDeadlineSeconds = ptr.To(int32(2)), ptr.To(int64(60))
	job.Spec.Template.Spec.Containers = []corev1.Container{{Name: "hourly", Env: []corev1.EnvVar{{Name: "A", Value: "b"}}}}

	trimmed, err := trimJob(job)
	if err != nil {
		t.Fatal(err)
	}
	want := &batchv1.Job{
		ObjectMeta: metadata,
		Spec:       batchv1.JobSpec{BackoffLimit: ptr.To(int32(2)), ActiveDeadlineSeconds: ptr.To(int64(60))},
		Status:     status,
	}
	if diff := cmp.Diff(want, trimmed); diff != "" {
		t.Errorf("the cache holds another Job (-want +got):\n%s", diff)
	}
}
