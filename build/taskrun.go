package build

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build/tekton"
	tektonv1 "github.com/toolforge/toolforged/build/tekton/v1"
)

// TaskRun renders one attempt at a build for Tekton: the containers of its Pod as steps. It is pure.
//
// Tekton starts all steps' containers at once, and has each wait for a file of the step before. A program that goes on in the
// container of the build could write that file, so export begins only when it is told (endedAnnotation) that Kubernetes says
// that the container has ended.
func TaskRun(c Config, r Request, attempt int) *tektonv1.TaskRun {
	pod := Pod(c, r, attempt)
	run := &tektonv1.TaskRun{
		TypeMeta: metav1.TypeMeta{APIVersion: tektonv1.GroupVersion.String(), Kind: "TaskRun"},
		// Tekton gives the pod the same labels and annotations, but for that of who manages it.
		ObjectMeta: pod.ObjectMeta,
		Spec: tektonv1.TaskRunSpec{
			ServiceAccountName: "default",
			Timeout:            metav1.Duration{Duration: c.Timeout},
			PodTemplate: tektonv1.PodTemplate{
				SecurityContext:              pod.Spec.SecurityContext,
				AutomountServiceAccountToken: pod.Spec.AutomountServiceAccountToken,
				EnableServiceLinks:           pod.Spec.EnableServiceLinks,
			},
			TaskSpec: tektonv1.TaskSpec{Volumes: append(pod.Spec.Volumes, toldVolume())},
		},
	}
	for i, container := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
		container.Args = append([]string{fmt.Sprintf("-tekton-step=%d", i)}, container.Args...)
		if container.Name == PhaseExport {
			container.VolumeMounts = append(container.VolumeMounts,
				corev1.VolumeMount{Name: toldName, MountPath: "/" + toldName, ReadOnly: true})
			container.Args = append([]string{"-begin-file=/" + toldName + "/" + endedFile}, container.Args...)
		}
		container.Args = literal(container.Args)
		run.Spec.TaskSpec.Steps = append(run.Spec.TaskSpec.Steps, tektonv1.StepOf(container, tektonv1.StepResult{Name: endingResult, Type: "string"}))
	}
	return run
}

const (
	// endingResult is the step's result that holds the ending, in base64.
	endingResult = "ending"
	// endedAnnotation of the pod has export begin. Its value is endedValue.
	endedAnnotation = "toolforge.org/build-ended"
	endedValue      = "true"
	// toldName is the volume in which export finds it, endedFile the file.
	toldName  = "told"
	endedFile = "build-ended"
)

func toldVolume() corev1.Volume {
	return corev1.Volume{Name: toldName, VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{
		Items: []corev1.DownwardAPIVolumeFile{{Path: endedFile, FieldRef: &corev1.ObjectFieldSelector{
			FieldPath: "metadata.annotations['" + endedAnnotation + "']",
		}}},
	}}}
}

// literal are arguments in which Tekton replaces nothing: with $(steps.build.results.x), in the address of a repository for
// example, a maintainer would have export read a file of their choice.
func literal(args []string) []string {
	if !slices.ContainsFunc(args, tekton.HasVariable) {
		return args
	}
	data, err := json.Marshal(args)
	if err != nil {
		panic(fmt.Sprintf("encode arguments: %v", err)) // texts: cannot fail
	}
	return []string{"-args=" + base64.StdEncoding.EncodeToString(data)}
}

// labelsOf are those by which the attempts at a tool's builds of one name are found.
func labelsOf(tool, name string) map[string]string {
	return map[string]string{api.ComponentLabel: api.BuildComponent, api.ToolLabel: tool, buildLabel: name}
}
