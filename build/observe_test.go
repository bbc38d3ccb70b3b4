package build

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// state is that of one phase's container.
type state struct {
	exit           int32
	reason         string
	ended, running bool
	waiting        string
}

var (
	succeeded = state{ended: true, reason: "Completed"}
	active    = state{running: true}
	pending   = state{waiting: "PodInitializing"}
)

func exited(code int32, reason string) state { return state{ended: true, exit: code, reason: reason} }

// podIn is a build's pod in a phase of its own, with the states of the first of its containers.
func podIn(t *testing.T, phase corev1.PodPhase, states ...state) *corev1.Pod {
	t.Helper()
	pod := Pod(testConfig(), testRequest(), 1)
	pod.Status.Phase = phase
	for i, container := range containers(pod) {
		if i >= len(states) {
			break
		}
		status := corev1.ContainerStatus{Name: container.Name}
		switch s := states[i]; {
		case s.ended:
			status.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: s.exit, Reason: s.reason}
		case s.running:
			status.State.Running = &corev1.ContainerStateRunning{}
		default:
			status.State.Waiting = &corev1.ContainerStateWaiting{Reason: s.waiting}
		}
		if i < len(pod.Spec.InitContainers) {
			pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, status)
		} else {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
		}
	}
	return pod
}

func TestObserve(t *testing.T) {
	running := func(phase, message string) Observation {
		return Observation{State: api.BuildRunning, Phase: phase, Message: message}
	}
	theirs := func(phase, message string) Observation {
		return Observation{State: api.BuildFailed, Phase: phase, Message: message}
	}
	ours := func(phase, message string) Observation {
		return Observation{State: api.BuildFailed, Phase: phase, Message: message, Again: true}
	}
	for _, test := range []struct {
		name   string
		phase  corev1.PodPhase
		states []state
		change func(*corev1.Pod)
		want   Observation
	}{
		{name: "new", phase: corev1.PodPending, want: running(PhaseSource, "")},
		{name: "no phase yet", want: running(PhaseSource, "")},
		{name: "first phase", phase: corev1.PodPending, states: []state{active, pending, pending}, want: running(PhaseSource, "")},
		{name: "between phases", phase: corev1.PodPending, states: []state{succeeded, succeeded, pending}, want: running(PhaseDetect, "")},
		{name: "fifth phase", phase: corev1.PodPending,
			states: []state{succeeded, succeeded, succeeded, succeeded, active, pending}, want: running(PhaseBuild, "")},
		{name: "last phase", phase: corev1.PodRunning,
			states: []state{succeeded, succeeded, succeeded, succeeded, succeeded, active}, want: running(PhaseExport, "")},
		{name: "image cannot be pulled", phase: corev1.PodPending, states: []state{succeeded, {waiting: "ImagePullBackOff"}},
			change: func(pod *corev1.Pod) {
				pod.Status.InitContainerStatuses[1].State.Waiting.Message = "Back-off pulling image"
			},
			want: running(PhaseAnalyze, "ImagePullBackOff: Back-off pulling image")},
		{name: "succeeded", phase: corev1.PodSucceeded, want: Observation{State: api.BuildSucceeded, Phase: PhaseExport}},

		{name: "source: theirs", phase: corev1.PodFailed, states: []state{exited(1, "Error")},
			want: theirs(PhaseSource, "the source could not be placed")},
		{name: "source: ours", phase: corev1.PodFailed, states: []state{exited(2, "Error")}, want: ours(PhaseSource, "exit code 2")},
		{name: "analyze", phase: corev1.PodFailed, states: []state{succeeded, exited(1, "Error")}, want: ours(PhaseAnalyze, "exit code 1")},
		{name: "detect", phase: corev1.PodFailed, states: []state{succeeded, succeeded, exited(20, "Error"), pending},
			want: theirs(PhaseDetect, "exit code 20")},
		{name: "build", phase: corev1.PodFailed, states: []state{succeeded, succeeded, succeeded, succeeded, exited(51, "Error")},
			want: theirs(PhaseBuild, "exit code 51")},
		{name: "export", phase: corev1.PodFailed,
			states: []state{succeeded, succeeded, succeeded, succeeded, succeeded, exited(62, "Error")}, want: ours(PhaseExport, "exit code 62")},
		{name: "too much memory", phase: corev1.PodFailed,
			states: []state{succeeded, succeeded, succeeded, succeeded, exited(137, "OOMKilled")},
			want:   theirs(PhaseBuild, "needs more memory than the 2Gi a build may use")},
		{name: "too long", phase: corev1.PodFailed, states: []state{succeeded, succeeded, succeeded, succeeded, exited(137, "Error")},
			change: func(pod *corev1.Pod) { pod.Status.Reason = "DeadlineExceeded" },
			want:   theirs(PhaseBuild, "took longer than the 1800 seconds a build may take")},
		{name: "too much disk", phase: corev1.PodFailed, states: []state{succeeded, succeeded, succeeded, succeeded, exited(137, "Error")},
			change: func(pod *corev1.Pod) {
				pod.Status.Reason, pod.Status.Message = "Evicted", "Usage of EmptyDir volume \"layers\" exceeds the limit"
			},
			want: theirs(PhaseBuild, "Usage of EmptyDir volume \"layers\" exceeds the limit")},
		{name: "the node is short of memory", phase: corev1.PodFailed,
			states: []state{succeeded, succeeded, succeeded, succeeded, exited(137, "Error")},
			change: func(pod *corev1.Pod) {
				pod.Status.Reason, pod.Status.Message = "Evicted", "The node was low on resource: memory"
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
			},
			want: ours(PhaseBuild, "The node was low on resource: memory")},
		{name: "the node is drained", phase: corev1.PodFailed,
			states: []state{succeeded, succeeded, succeeded, succeeded, exited(143, "Error")},
			change: func(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} },
			want:   ours(PhaseBuild, "the pod was deleted while it ran")},
		{name: "lost", phase: corev1.PodFailed, change: func(pod *corev1.Pod) { pod.Status.Reason = "NodeLost" },
			want: ours("", "the pod was lost: NodeLost")},
		{name: "refused by the node", phase: corev1.PodFailed, states: []state{pending},
			change: func(pod *corev1.Pod) {
				pod.Status.Reason, pod.Status.Message = "OutOfcpu", "Node didn't have enough resource"
			},
			want: ours(PhaseSource, "Node didn't have enough resource")},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := podIn(t, test.phase, test.states...)
			if test.change != nil {
				test.change(pod)
			}
			got := observe(pod)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
