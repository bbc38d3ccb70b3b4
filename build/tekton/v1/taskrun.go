package v1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is that of the TaskRuns that are made.
var GroupVersion = schema.GroupVersion{Group: "tekton.dev", Version: "v1"}

// AddToScheme makes the types known to a client.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &TaskRun{}, &TaskRunList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}

// TaskRun runs steps one after the other, as the containers of a pod that Tekton makes.
type TaskRun struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              TaskRunSpec   `json:"spec"`
	Status            TaskRunStatus `json:"status,omitzero"`
}

// TaskRunList is a list of them.
type TaskRunList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata"`
	Items           []TaskRun `json:"items"`
}

// TaskRunSpec says what to run.
type TaskRunSpec struct {
	ServiceAccountName string `json:"serviceAccountName,omitempty"`
	// Timeout bounds all steps together.
	Timeout     metav1.Duration `json:"timeout,omitzero"`
	PodTemplate PodTemplate     `json:"podTemplate,omitzero"`
	TaskSpec    TaskSpec        `json:"taskSpec"`
}

// PodTemplate is what the pod has beside the steps.
type PodTemplate struct {
	SecurityContext              *corev1.PodSecurityContext `json:"securityContext,omitempty"`
	AutomountServiceAccountToken *bool                      `json:"automountServiceAccountToken,omitempty"`
	EnableServiceLinks           *bool                      `json:"enableServiceLinks,omitempty"`
}

// TaskSpec are the steps, and the volumes that they mount.
type TaskSpec struct {
	Steps   []Step          `json:"steps"`
	Volumes []corev1.Volume `json:"volumes,omitempty"`
}

// Step is one container. Tekton replaces $(...) in its texts (see tekton.HasVariable).
type Step struct {
	Name             string                      `json:"name"`
	Image            string                      `json:"image"`
	Command          []string                    `json:"command"`
	Args             []string                    `json:"args,omitempty"`
	Env              []corev1.EnvVar             `json:"env,omitempty"`
	ComputeResources corev1.ResourceRequirements `json:"computeResources,omitzero"`
	VolumeMounts     []corev1.VolumeMount        `json:"volumeMounts,omitempty"`
	SecurityContext  *corev1.SecurityContext     `json:"securityContext,omitempty"`
	Results          []StepResult                `json:"results,omitempty"`
}

// StepResult names a file that a step writes in its directory of results, and that Tekton puts into the container's termination message.
type StepResult struct {
	Name string `json:"name"`
	// Type is "string", "array" or "object". The webhook, which need not be there, would fill it in.
	Type string `json:"type"`
}

// TaskRunStatus is what Tekton says of it.
type TaskRunStatus struct {
	Conditions []Condition `json:"conditions,omitempty"`
	PodName    string      `json:"podName,omitempty"`
}

// Condition is one of Knative's conditions, which have no generation.
type Condition struct {
	Type    string                 `json:"type"`
	Status  corev1.ConditionStatus `json:"status"`
	Reason  string                 `json:"reason,omitempty"`
	Message string                 `json:"message,omitempty"`
}

// ReasonTimeout is that of a TaskRun that took longer than its Timeout.
const ReasonTimeout = "TaskRunTimeout"

// Outcome is the condition that says whether all steps succeeded; its status is unknown for as long as they run.
func (t *TaskRun) Outcome() Condition {
	for _, condition := range t.Status.Conditions {
		if condition.Type == "Succeeded" {
			return condition
		}
	}
	return Condition{Type: "Succeeded", Status: corev1.ConditionUnknown}
}

// DeepCopyObject implements runtime.Object.
func (t *TaskRun) DeepCopyObject() runtime.Object {
	copied := *t
	t.ObjectMeta.DeepCopyInto(&copied.ObjectMeta)
	copied.Spec = t.Spec.deepCopy()
	copied.Status.Conditions = append([]Condition(nil), t.Status.Conditions...)
	return &copied
}

// DeepCopyObject implements runtime.Object.
func (l *TaskRunList) DeepCopyObject() runtime.Object {
	copied := *l
	l.ListMeta.DeepCopyInto(&copied.ListMeta)
	copied.Items = make([]TaskRun, len(l.Items))
	for i := range l.Items {
		copied.Items[i] = *l.Items[i].DeepCopyObject().(*TaskRun)
	}
	return &copied
}

func (s TaskRunSpec) deepCopy() TaskRunSpec {
	copied := s
	copied.PodTemplate.SecurityContext = s.PodTemplate.SecurityContext.DeepCopy()
	copied.PodTemplate.AutomountServiceAccountToken = clone(s.PodTemplate.AutomountServiceAccountToken)
	copied.PodTemplate.EnableServiceLinks = clone(s.PodTemplate.EnableServiceLinks)
	// A container's own copy is that of all that a step shares with it.
	copied.TaskSpec.Steps = nil
	for _, step := range s.TaskSpec.Steps {
		c := (&corev1.Container{
			Name: step.Name, Image: step.Image, Command: step.Command, Args: step.Args, Env: step.Env,
			Resources: step.ComputeResources, VolumeMounts: step.VolumeMounts, SecurityContext: step.SecurityContext,
		}).DeepCopy()
		copied.TaskSpec.Steps = append(copied.TaskSpec.Steps, StepOf(*c, step.Results...))
	}
	copied.TaskSpec.Volumes = (&corev1.PodSpec{Volumes: s.TaskSpec.Volumes}).DeepCopy().Volumes
	return copied
}

func clone[T any](value *T) *T {
	if value == nil {
		return nil
	}
	copied := *value
	return &copied
}

// StepOf is a container as a step.
func StepOf(c corev1.Container, results ...StepResult) Step {
	return Step{
		Name: c.Name, Image: c.Image, Command: c.Command, Args: c.Args, Env: c.Env,
		ComputeResources: c.Resources, VolumeMounts: c.VolumeMounts, SecurityContext: c.SecurityContext,
		Results: append([]StepResult(nil), results...),
	}
}
