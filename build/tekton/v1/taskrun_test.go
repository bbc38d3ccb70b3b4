package v1

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

func TestCopy(t *testing.T) {
	now := metav1.NewTime(time.Unix(1000, 0))
	run := &TaskRun{
		ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"b": "c"}, CreationTimestamp: now},
		Spec: TaskRunSpec{
			Timeout:     metav1.Duration{Duration: time.Minute},
			PodTemplate: PodTemplate{SecurityContext: &corev1.PodSecurityContext{RunAsUser: ptr.To(int64(1))}, EnableServiceLinks: ptr.To(false)},
			TaskSpec: TaskSpec{
				Steps: []Step{{Name: "s", Command: []string{"x"}, Env: []corev1.EnvVar{{Name: "E"}},
					SecurityContext: &corev1.SecurityContext{Privileged: ptr.To(false)}, Results: []StepResult{{"r", "string"}}}},
				Volumes: []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
			},
		},
		Status: TaskRunStatus{Conditions: []Condition{{Type: "Succeeded", Status: corev1.ConditionFalse}}},
	}
	encode := func(value any) string {
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	before := encode(run)
	list := &TaskRunList{Items: []TaskRun{*run}}
	copied := &list.DeepCopyObject().(*TaskRunList).Items[0]
	if diff := cmp.Diff(before, encode(copied)); diff != "" {
		t.Fatal(diff)
	}
	copied.Labels["b"] = "x"
	*copied.Spec.PodTemplate.SecurityContext.RunAsUser = 2
	*copied.Spec.PodTemplate.EnableServiceLinks = true
	step := &copied.Spec.TaskSpec.Steps[0]
	step.Command[0], step.Env[0].Name, step.Results[0].Name = "y", "F", "q"
	*step.SecurityContext.Privileged = true
	copied.Spec.TaskSpec.Volumes[0].EmptyDir.Medium = "Memory"
	copied.Status.Conditions[0].Status = corev1.ConditionTrue
	if diff := cmp.Diff(before, encode(run)); diff != "" {
		t.Errorf("the copy shares:\n%s", diff)
	}
	if run.Outcome().Status != corev1.ConditionFalse || (&TaskRun{}).Outcome().Status != corev1.ConditionUnknown {
		t.Error("the outcome is another")
	}
}
