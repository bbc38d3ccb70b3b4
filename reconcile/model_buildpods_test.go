package reconcile

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
)

// modelKubelet runs build pods: one phase after the other, in virtual time, to the image in the registry.
type modelKubelet struct{ world *world }

func (k *modelKubelet) changed(before, after *stored) {
	if after == nil || after.id.kind != podKind {
		return
	}
	w := k.world
	if before == nil {
		k.later(after, w.between(time.Second, 10*time.Second), func(pod *corev1.Pod) { k.run(after, pod, 0) })
		return
	}
	if before.GetDeletionTimestamp() == nil && after.GetDeletionTimestamp() != nil {
		w.clock.after(w.between(0, 4*time.Second), func() {
			if live := w.server.get(after.id); live != nil && live.GetUID() == after.GetUID() {
				w.server.erase(after.id)
			}
		})
	}
}

// later goes on with a pod, if it is still there and still runs.
func (k *modelKubelet) later(pod *stored, after time.Duration, then func(*corev1.Pod)) {
	k.world.clock.after(after, func() {
		live := k.world.server.get(pod.id)
		if live == nil || live.GetUID() != pod.GetUID() || live.GetDeletionTimestamp() != nil {
			return
		}
		decoded := live.as(asTyped).DeepCopyObject().(*corev1.Pod)
		if !ended(decoded) {
			then(decoded)
		}
	})
}

func ended(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// run begins a phase, and ends it some time later.
func (k *modelKubelet) run(pod *stored, now *corev1.Pod, phase int) {
	w := k.world
	names := phaseNames(now)
	running := corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}
	now.Status.Phase = corev1.PodRunning
	if phase == 0 || w.random.IntN(2) == 0 { // a kubelet does not tell of each phase on its own
		k.report(now, phase, running)
	}
	k.later(pod, w.between(500*time.Millisecond, 15*time.Second), func(now *corev1.Pod) {
		source := w.commitOf(commitIn(now.Spec.InitContainers[0].Args))
		switch {
		case names[phase] == build.PhaseBuild && source.fate == neverBuilds:
			k.fail(now, phase, 51)
		case !w.calm && w.random.Float64() < w.mishaps && names[phase] != build.PhaseBuild && names[phase] != build.PhaseDetect:
			k.fail(now, phase, 30)
		case phase == len(names)-1:
			k.export(pod, now, source.fate)
		default:
			k.run(pod, now, phase+1)
		}
	})
}

func phaseNames(pod *corev1.Pod) []string {
	var names []string
	for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		names = append(names, container.Name)
	}
	return names
}

// report says that all phases before this one succeeded, and where it stands.
func (k *modelKubelet) report(pod *corev1.Pod, phase int, state corev1.ContainerState) {
	var statuses []corev1.ContainerStatus
	for i, name := range phaseNames(pod)[:phase+1] {
		status := corev1.ContainerStatus{Name: name, State: state}
		if i < phase {
			status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}
		}
		statuses = append(statuses, status)
	}
	inits := min(len(statuses), len(pod.Spec.InitContainers))
	pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses = statuses[:inits], statuses[inits:]
	k.world.server.updateStatus(named(pod), encodeStatus(pod))
}

func (k *modelKubelet) fail(pod *corev1.Pod, phase int, code int32) {
	pod.Status.Phase = corev1.PodFailed
	k.report(pod, phase, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}})
}

// export pushes the image. The pod has succeeded a moment later.
func (k *modelKubelet) export(pod *stored, now *corev1.Pod, fate fate) {
	arguments := now.Spec.Containers[0].Args
	k.world.pushed(arguments[len(arguments)-1], fate)
	k.later(pod, k.world.between(0, 2*time.Second), func(now *corev1.Pod) {
		now.Status.Phase = corev1.PodSucceeded
		k.report(now, len(phaseNames(now))-1, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}})
	})
}

// lose has the node of a running pod be lost: the pod is failed, or gone without a word.
func (k *modelKubelet) lose(pod *stored) {
	w := k.world
	decoded := pod.as(asTyped).DeepCopyObject().(*corev1.Pod)
	if ended(decoded) || decoded.DeletionTimestamp != nil {
		return
	}
	w.tracef("the node of pod %s is lost", decoded.Name)
	if w.random.IntN(2) == 0 {
		w.server.erase(pod.id)
		return
	}
	decoded.Status.Phase, decoded.Status.Reason = corev1.PodFailed, "NodeLost"
	decoded.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
	w.server.updateStatus(pod.id, encodeStatus(decoded))
}

// live tells whether a pod may be running a build.
func live(pod *stored) bool {
	phase, _, _ := unstructured.NestedString(pod.Object, "status", "phase")
	return phase != string(corev1.PodSucceeded) && phase != string(corev1.PodFailed)
}

// buildPods are those of a tool.
func (w *world) buildPods(tool string) []*stored {
	var pods []*stored
	for _, pod := range w.server.list(podKind, buildNamespace) {
		if pod.GetLabels()[api.ToolLabel] == tool {
			pods = append(pods, pod)
		}
	}
	return pods
}

func encodeStatus(pod *corev1.Pod) map[string]any {
	status, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&pod.Status)
	if err != nil {
		panic(err)
	}
	return status
}
