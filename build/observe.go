package build

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/toolforge/toolforged/api/runs"
	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build/ending"
)

// mendable is the exit code by which toolforge-build says that the repository must change.
const mendable = 1

// Exit codes of the lifecycle's detector for a source that no buildpack wants.
const (
	nothingDetected  = 20
	detectionsFailed = 21
)

// observe reads the state of a build from its pod.
func observe(pod *corev1.Pod) Observation {
	switch pod.Status.Phase {
	case corev1.PodSucceeded:
		return Observation{State: api.BuildSucceeded, Phase: PhaseExport, Phases: phasesOf(pod), Notes: notesOf(pod)}
	case corev1.PodFailed:
		return failure(pod)
	}
	phase := PhasePrepare
	for _, status := range statuses(pod) {
		phase = status.Name
		if done := status.State.Terminated; done != nil && done.ExitCode == 0 {
			continue
		}
		break
	}
	return Observation{State: api.BuildRunning, Phase: phase, Phases: phasesOf(pod), Message: runs.Waiting(pod)}
}

// failure finds the phase that failed, and whose fault it was.
func failure(pod *corev1.Pod) Observation {
	failed := Observation{State: api.BuildFailed, Message: pod.Status.Message, Again: true, Phases: phasesOf(pod), Notes: notesOf(pod)}
	for _, status := range statuses(pod) {
		done := status.State.Terminated
		if done != nil && done.ExitCode == 0 {
			continue
		}
		failed.Phase = status.Name
		if done != nil {
			failed.verdict(pod, status.Name, done)
		}
		break
	}
	switch {
	case pod.Status.Reason == "DeadlineExceeded":
		limit := time.Duration(*pod.Spec.ActiveDeadlineSeconds) * time.Second
		failed.bounded(boundTime, fmt.Sprintf("took longer than the %s a build may take", limit))
	case diskEviction(pod):
		failed.bounded(ending.Disk, tooMuchDisk(pod))
	}
	if pod.DeletionTimestamp != nil {
		failed.Message, failed.Bound, failed.Again = "the pod was deleted while it ran", "", true
	}
	if why := pod.Annotations[cancelledAnnotation]; why != "" {
		failed.Message, failed.Bound, failed.Again = why, "", true
	}
	if disrupted(pod) {
		failed.Message, failed.Bound, failed.Again = cmp.Or(pod.Status.Message, failed.Message), "", true
	}
	if failed.Message == "" {
		failed.Message = "the pod was lost: " + pod.Status.Reason
	}
	return failed
}

// kubeletDiskWords are how the kubelet's eviction manager says that a pod took more disk than its own limits allow, of which
// there is no reason or condition: of one directory, of all that the pod has, and of one container.
var kubeletDiskWords = []string{
	"Usage of EmptyDir volume",
	"Pod ephemeral local storage usage exceeds the total limit of containers",
	"exceeded its local ephemeral storage limit",
}

func diskEviction(pod *corev1.Pod) bool {
	return pod.Status.Reason == "Evicted" && slices.ContainsFunc(kubeletDiskWords, func(words string) bool {
		return strings.Contains(pod.Status.Message, words)
	})
}

func tooMuchDisk(pod *corev1.Pod) string {
	return fmt.Sprintf("wrote more to disk than the %s a build may use", limitOf(pod, PhaseBuild, corev1.ResourceEphemeralStorage))
}

func tooMuchMemory(pod *corev1.Pod, container string) string {
	return fmt.Sprintf("needs more memory than the %s a build may use", limitOf(pod, container, corev1.ResourceMemory))
}

// disrupted tells whether the cluster ended the pod for reasons of its own: a drained, stopped or overloaded node. A pod that
// used more than it may has no such condition.
func disrupted(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue
	})
}

// boundTime is the bound of which only Kubernetes tells.
const boundTime ending.Bound = "time"

// bounded is the verdict for a build that ran into a limit.
func (o *Observation) bounded(bound ending.Bound, message string) {
	o.Bound, o.Message, o.Again = string(bound), message, false
}

// verdict says what the end of a container means. Our own containers are believed; what the one says in which a stranger's
// code ran only chooses among sentences.
func (o *Observation) verdict(pod *corev1.Pod, container string, done *corev1.ContainerStateTerminated) {
	said, _ := ending.Parse(done.Message) // nothing, when it was killed
	code := fmt.Sprintf("exit code %d", done.ExitCode)
	o.Phase, o.Message, o.Again = container, code, false
	if container == PhaseBuild {
		o.Phase = hintedPhase(said)
	}
	switch {
	case done.Reason == "OOMKilled":
		o.bounded(ending.Memory, tooMuchMemory(pod, container))
	case container != PhaseBuild:
		o.Bound, o.Message, o.Again = string(said.Bound), cmp.Or(said.Message, code), done.ExitCode != mendable
	case said.Bound == ending.Memory:
		o.bounded(ending.Memory, tooMuchMemory(pod, container))
	case said.Bound == ending.Disk:
		o.bounded(ending.Disk, tooMuchDisk(pod))
	case o.Phase == PhaseDetect && (done.ExitCode == nothingDetected || done.ExitCode == detectionsFailed):
		o.Message = "no buildpack takes the source: the log says what each looked for (" + code + ")"
	}
}

// hintedPhase is the last phase that the build's container says it began.
func hintedPhase(said ending.Ending) string {
	if len(said.Phases) > 0 {
		if last := said.Phases[len(said.Phases)-1].Name; runsRepositoryCode(last) {
			return last
		}
	}
	return PhaseBuild
}

// phasesOf are the phases that have ended, with their times: as our own containers say, and as the build's says, for as long
// as it ran.
func phasesOf(pod *corev1.Pod) []api.PhaseTime {
	var phases []api.PhaseTime
	for _, status := range statuses(pod) {
		done := status.State.Terminated
		if done == nil {
			continue
		}
		said, err := ending.Parse(done.Message)
		if err != nil {
			continue
		}
		left := done.FinishedAt.Sub(done.StartedAt.Time).Milliseconds() + 1000 // Kubernetes tells whole seconds
		for _, phase := range said.Phases {
			if containerOf(phase.Name) != status.Name || slices.ContainsFunc(phases, func(p api.PhaseTime) bool { return p.Name == phase.Name }) {
				continue
			}
			took := min(phase.Milliseconds, max(left, 0))
			left -= took
			phases = append(phases, api.PhaseTime{Name: phase.Name, Milliseconds: took})
		}
	}
	return phases
}

// notesOf are what our own containers have to say beside.
func notesOf(pod *corev1.Pod) []string {
	var notes []string
	for _, status := range statuses(pod) {
		if done := status.State.Terminated; done != nil && status.Name != PhaseBuild {
			said, _ := ending.Parse(done.Message)
			notes = append(notes, said.Notes...)
		}
	}
	return notes
}

func limitOf(pod *corev1.Pod, name string, resource corev1.ResourceName) string {
	for _, container := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
		if container.Name == name {
			quantity := container.Resources.Limits[resource]
			return quantity.String()
		}
	}
	return string(resource)
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
