package render

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func template(t *testing.T, object *unstructured.Unstructured) *corev1.PodSpec {
	t.Helper()
	convert := func(into any) {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, into, true); err != nil {
			t.Fatalf("%s %s: %v", object.GetKind(), object.GetName(), err)
		}
	}
	switch object.GetKind() {
	case "Deployment":
		var deployment appsv1.Deployment
		convert(&deployment)
		return &deployment.Spec.Template.Spec
	case "Job":
		var job batchv1.Job
		convert(&job)
		return &job.Spec.Template.Spec
	case "CronJob":
		var job batchv1.CronJob
		convert(&job)
		return &job.Spec.JobTemplate.Spec.Template.Spec
	}
	return nil
}

// The restricted Pod Security Standard, as https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists it.
func TestRestricted(t *testing.T) {
	checked := 0
	for _, object := range append(objects(t, inputs(t)["everything"]), preDeployJobs(t)...) {
		spec := template(t, object)
		if spec == nil {
			continue
		}
		checked++
		if spec.HostNetwork || spec.HostPID || spec.HostIPC || len(spec.Volumes) > 0 {
			t.Errorf("%s: %+v", object.GetName(), spec)
		}
		if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
			t.Errorf("%s has a service account token", object.GetName())
		}
		if spec.ServiceAccountName != SurroundingsName {
			t.Errorf("%s runs as %q", object.GetName(), spec.ServiceAccountName)
		}
		pod := spec.SecurityContext
		if pod == nil || pod.RunAsNonRoot == nil || !*pod.RunAsNonRoot ||
			pod.SeccompProfile == nil || pod.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: security context of the pod: %+v", object.GetName(), pod)
		}
		for _, container := range spec.Containers {
			s := container.SecurityContext
			if s == nil || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation || s.Privileged != nil ||
				s.Capabilities == nil || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" || len(s.Capabilities.Add) > 0 {
				t.Errorf("%s: security context: %+v", object.GetName(), s)
			}
		}
	}
	if checked != 8 {
		t.Errorf("%d workloads were checked, want 8", checked)
	}
}
