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
	said           string
	ended, running bool
	waiting        string
}

var (
	succeeded = state{ended: true, reason: "Completed"}
	active    = state{running: true}
	pending   = state{waiting: "PodInitializing"}
)

func exited(code int32, reason string) state { return state{ended: true, exit: code, reason: reason} }

// saying is a state with a termination message.
func (s state) saying(message string) state {
	s.said = message
	return s
}

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
			status.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: s.exit, Reason: s.reason, Message: s.said,
				StartedAt: metav1.Unix(1000, 0), FinishedAt: metav1.Unix(1010, 0)}
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
	bound := func(o Observation, bound string) Observation {
		o.Bound = bound
		return o
	}
	with := func(o Observation, phases ...api.PhaseTime) Observation {
		o.Phases = phases
		return o
	}
	evicted := func(message string) func(*corev1.Pod) {
		return func(pod *corev1.Pod) { pod.Status.Reason, pod.Status.Message = "Evicted", message }
	}
	for _, test := range []struct {
		name   string
		phase  corev1.PodPhase
		states []state
		change func(*corev1.Pod)
		want   Observation
	}{
		{name: "new", phase: corev1.PodPending, want: running(PhasePrepare, "")},
		{name: "no phase yet", want: running(PhasePrepare, "")},
		{name: "no node takes it", phase: corev1.PodPending, change: func(pod *corev1.Pod) {
			pod.Status.Conditions = []corev1.PodCondition{{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available",
			}}
		}, want: running(PhasePrepare, "Unschedulable: 0/1 nodes are available")},
		{name: "first container", phase: corev1.PodPending, states: []state{active, pending, pending}, want: running(PhasePrepare, "")},
		{name: "between containers", phase: corev1.PodPending, states: []state{succeeded, pending}, want: running(PhaseBuild, "")},
		{name: "second container", phase: corev1.PodPending, states: []state{succeeded, active, pending}, want: running(PhaseBuild, "")},
		{name: "last container", phase: corev1.PodRunning, states: []state{succeeded, succeeded, active}, want: running(PhaseExport, "")},
		{name: "image cannot be pulled", phase: corev1.PodPending, states: []state{succeeded, {waiting: "ImagePullBackOff"}},
			change: func(pod *corev1.Pod) {
				pod.Status.InitContainerStatuses[1].State.Waiting.Message = "Back-off pulling image"
			},
			want: running(PhaseBuild, "ImagePullBackOff: Back-off pulling image")},
		{name: "succeeded", phase: corev1.PodSucceeded, want: Observation{State: api.BuildSucceeded, Phase: PhaseExport}},

		{name: "prepare: theirs", phase: corev1.PodFailed, states: []state{exited(1, "Error").saying(`{"message":"commit 1a2b does not exist"}`)},
			want: theirs(PhasePrepare, "commit 1a2b does not exist")},
		{name: "prepare: ours", phase: corev1.PodFailed, states: []state{exited(2, "Error").saying(`{"message":"registry.example answers 500"}`)},
			want: ours(PhasePrepare, "registry.example answers 500")},
		{name: "prepare: killed", phase: corev1.PodFailed, states: []state{exited(137, "Error")}, want: ours(PhasePrepare, "exit code 137")},
		{name: "detect: nothing", phase: corev1.PodFailed,
			states: []state{succeeded, exited(20, "Error").saying(`{"phases":[{"name":"detect","ms":5}]}`), pending},
			want: with(theirs(PhaseDetect, "no buildpack takes the source: the log says what each looked for (exit code 20)"),
				api.PhaseTime{Name: PhaseDetect, Milliseconds: 5})},
		{name: "detect: error", phase: corev1.PodFailed,
			states: []state{succeeded, exited(22, "Error").saying(`{"phases":[{"name":"detect","ms":5}]}`), pending},
			want:   with(theirs(PhaseDetect, "exit code 22"), api.PhaseTime{Name: PhaseDetect, Milliseconds: 5})},
		{name: "build", phase: corev1.PodFailed, states: []state{succeeded, exited(51, "Error")}, want: theirs(PhaseBuild, "exit code 51")},
		{name: "build: it says what only others may", phase: corev1.PodFailed,
			states: []state{succeeded, exited(1, "Error").saying(`{"phases":[{"name":"export","ms":5}],"message":"<b>call 555</b>","bound":"image size","notes":["x"]}`)},
			want:   theirs(PhaseBuild, "exit code 1")},
		{name: "build: it says nothing that can be read", phase: corev1.PodFailed,
			states: []state{succeeded, exited(51, "Error").saying("boo")}, want: theirs(PhaseBuild, "exit code 51")},
		{name: "export: ours", phase: corev1.PodFailed, states: []state{succeeded, succeeded, exited(2, "Error")}, want: ours(PhaseExport, "exit code 2")},
		{name: "export: theirs", phase: corev1.PodFailed,
			states: []state{succeeded, succeeded, exited(1, "Error").saying(`{"message":"the image is too large","bound":"image size"}`)},
			want:   bound(theirs(PhaseExport, "the image is too large"), "image size")},
		{name: "too much memory", phase: corev1.PodFailed, states: []state{succeeded, exited(137, "OOMKilled")},
			want: bound(theirs(PhaseBuild, "needs more memory than the 2Gi a build may use"), "memory")},
		{name: "too much memory, of a child", phase: corev1.PodFailed,
			states: []state{succeeded, exited(51, "Error").saying(`{"bound":"memory"}`)},
			want:   bound(theirs(PhaseBuild, "needs more memory than the 2Gi a build may use"), "memory")},
		{name: "too long", phase: corev1.PodFailed, states: []state{succeeded, exited(137, "Error")},
			change: func(pod *corev1.Pod) { pod.Status.Reason = "DeadlineExceeded" },
			want:   bound(theirs(PhaseBuild, "took longer than the 30m0s a build may take"), "time")},
		{name: "too much disk, seen from inside", phase: corev1.PodFailed,
			states: []state{succeeded, exited(1, "Error").saying(`{"bound":"disk"}`)},
			want:   bound(theirs(PhaseBuild, "wrote more to disk than the 4Gi a build may use"), "disk")},
		{name: "too much in one directory", phase: corev1.PodFailed, states: []state{succeeded, exited(137, "Error")},
			change: evicted(`Usage of EmptyDir volume "layers" exceeds the limit "4Gi". `),
			want:   bound(theirs(PhaseBuild, "wrote more to disk than the 4Gi a build may use"), "disk")},
		{name: "too much in all", phase: corev1.PodFailed, states: []state{succeeded, exited(137, "Error")},
			change: evicted("Pod ephemeral local storage usage exceeds the total limit of containers 14Gi. "),
			want:   bound(theirs(PhaseBuild, "wrote more to disk than the 4Gi a build may use"), "disk")},
		{name: "too much in the container", phase: corev1.PodFailed, states: []state{succeeded, exited(137, "Error")},
			change: evicted(`Container build exceeded its local ephemeral storage limit "4Gi". `),
			want:   bound(theirs(PhaseBuild, "wrote more to disk than the 4Gi a build may use"), "disk")},
		{name: "the node is short of memory", phase: corev1.PodFailed, states: []state{succeeded, exited(137, "Error")},
			change: func(pod *corev1.Pod) {
				evicted("The node was low on resource: memory")(pod)
				pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
			},
			want: ours(PhaseBuild, "The node was low on resource: memory")},
		{name: "the node is short of disk, says the kubelet before anything ran", phase: corev1.PodFailed,
			change: evicted("The node was low on resource: ephemeral-storage"),
			want:   ours("", "The node was low on resource: ephemeral-storage")},
		{name: "the node is drained", phase: corev1.PodFailed, states: []state{succeeded, exited(143, "Error")},
			change: func(pod *corev1.Pod) { pod.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)} },
			want:   ours(PhaseBuild, "the pod was deleted while it ran")},
		{name: "ended for a newer commit", phase: corev1.PodFailed, states: []state{succeeded, exited(137, "Error")},
			change: func(pod *corev1.Pod) {
				pod.Status.Reason, pod.Annotations[cancelledAnnotation] = "DeadlineExceeded", "ended for commit 1234567"
			},
			want: ours(PhaseBuild, "ended for commit 1234567")},
		{name: "lost", phase: corev1.PodFailed, change: func(pod *corev1.Pod) { pod.Status.Reason = "NodeLost" },
			want: ours("", "the pod was lost: NodeLost")},
		{name: "refused by the node", phase: corev1.PodFailed, states: []state{pending},
			change: func(pod *corev1.Pod) {
				pod.Status.Reason, pod.Status.Message = "OutOfcpu", "Node didn't have enough resource"
			},
			want: ours(PhasePrepare, "Node didn't have enough resource")},
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

// What the containers say of their phases is put together; the one that runs a stranger's code is believed for as long as it ran,
// and about its own phases.
func TestPhases(t *testing.T) {
	pod := podIn(t, corev1.PodSucceeded,
		succeeded.saying(`{"phases":[{"name":"prepare","ms":700}],"notes":["the cache is not used"]}`),
		succeeded.saying(`{"phases":[{"name":"prepare","ms":1},{"name":"detect","ms":300},{"name":"build","ms":3600000},{"name":"build","ms":1}],"notes":["call 555"]}`),
		succeeded.saying(`{"phases":[{"name":"export","ms":1200}],"notes":["the cache is not kept"]}`))
	got := observe(pod)
	want := Observation{
		State: api.BuildSucceeded, Phase: PhaseExport,
		Phases: []api.PhaseTime{{Name: PhasePrepare, Milliseconds: 700}, {Name: PhaseDetect, Milliseconds: 300},
			{Name: PhaseBuild, Milliseconds: 10_700}, {Name: PhaseExport, Milliseconds: 1200}},
		Notes: []string{"the cache is not used", "the cache is not kept"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
