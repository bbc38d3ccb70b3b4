package build

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// mendable is the exit code by which toolforge-source says that the repository must change.
const mendable = 1

// observe reads the state of a build from its pod.
func observe(pod *corev1.Pod) Observation {
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		return Observation{State: api.BuildSucceeded, Phase: PhaseExport}
	case corev1.PodFailed:
		return failure(pod)
	}
	phase := PhaseSource
	for _, status := range statuses(pod) {
		phase = status.Name
		if done := status.State.Terminated; done != nil && done.ExitCode == 0 {
			continue
		}
		running := Observation{State: api.BuildRunning, Phase: phase}
		if waiting := status.State.Waiting; waiting != nil && waiting.Message != "" {
			running.Message = waiting.Reason + ": " + waiting.Message
		}
		return running
	}
	return Observation{State: api.BuildRunning, Phase: phase}
}

// failure finds the phase that failed, and whose fault it was.
func failure(pod *corev1.Pod) Observation {
	failed := Observation{State: api.BuildFailed, Message: pod.Status.Message, Again: true}
	for _, status := range statuses(pod) {
		done := status.State.Terminated
		if done != nil && done.ExitCode == 0 {
			continue
		}
		failed.Phase = status.Name
		if done != nil {
			failed.Message, failed.Again = verdict(pod, status.Name, done)
		}
		break
	}
	if pod.Status.Reason == "DeadlineExceeded" {
		failed.Again = false
		failed.Message = fmt.Sprintf("took longer than the %d seconds a build may take", *pod.Spec.ActiveDeadlineSeconds)
	}
	if pod.DeletionTimestamp != nil {
		failed.Message, failed.Again = "the pod was deleted while it ran", true
	}
	if disrupted(pod) {
		failed.Again = true
	}
	if failed.Message == "" {
		failed.Message = "the pod was lost: " + pod.Status.Reason
	}
	return failed
}

// disrupted tells whether the cluster ended the pod for reasons of its own: a drained, stopped or overloaded node. A pod that
// used more than it may has no such condition.
func disrupted(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue
	})
}

func verdict(pod *corev1.Pod, phase string, done *corev1.ContainerStateTerminated) (message string, again bool) {
	theirs := runsRepositoryCode(phase)
	switch {
	case done.Reason == "OOMKilled":
		return "needs more memory than the " + memoryLimit(pod, phase) + " a build may use", false
	case pod.Status.Reason == "Evicted":
		return pod.Status.Message, !theirs
	case phase == PhaseSource && done.ExitCode == mendable:
		return "the source could not be placed", false
	default:
		return fmt.Sprintf("exit code %d", done.ExitCode), !theirs
	}
}

func memoryLimit(pod *corev1.Pod, phase string) string {
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		if container.Name == phase {
			return container.Resources.Limits.Memory().String()
		}
	}
	return "memory"
}

// statuses lists the phases' states in their order.
func statuses(pod *corev1.Pod) []corev1.ContainerStatus {
	byName := make(map[string]corev1.ContainerStatus)
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		byName[status.Name] = status
	}
	var ordered []corev1.ContainerStatus
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		if status, ok := byName[container.Name]; ok {
			ordered = append(ordered, status)
		}
	}
	return ordered
}
