package build

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build/ending"
	"github.com/toolforge/toolforged/build/tekton"
	tektonv1 "github.com/toolforge/toolforged/build/tekton/v1"
)

// TektonEngine runs each attempt as a TaskRun (TaskRun), of which Tekton's controller makes a pod.
type TektonEngine struct {
	Config Config
	// Client reads TaskRuns and pods from a cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
}

// Attempts implements Engine.
func (e *TektonEngine) Attempts(ctx context.Context, tool, name string) ([]Attempt, error) {
	var runs tektonv1.TaskRunList
	if err := e.Client.List(ctx, &runs, client.InNamespace(e.Config.Namespace), client.MatchingLabels(labelsOf(tool, name))); err != nil {
		return nil, fmt.Errorf("list the TaskRuns of builds: %w", err)
	}
	if len(runs.Items) == 0 {
		return nil, nil
	}
	pods, err := e.pods(ctx, client.MatchingLabels(labelsOf(tool, name)))
	if err != nil {
		return nil, err
	}
	attempts := make([]Attempt, 0, len(runs.Items))
	for i := range runs.Items {
		attempts = append(attempts, attemptOfRun(&runs.Items[i], pods[runs.Items[i].Name]))
	}
	return attempts, nil
}

// pods are those of TaskRuns, by the TaskRuns' names.
func (e *TektonEngine) pods(ctx context.Context, options ...client.ListOption) (map[string]*corev1.Pod, error) {
	var list corev1.PodList
	if err := e.Client.List(ctx, &list, append(options, client.InNamespace(e.Config.Namespace))...); err != nil {
		return nil, fmt.Errorf("list the pods of builds: %w", err)
	}
	pods := make(map[string]*corev1.Pod)
	for i := range list.Items {
		if run := list.Items[i].Labels[tekton.TaskRunLabel]; run != "" {
			pods[run] = &list.Items[i]
		}
	}
	return pods, nil
}

// attemptOfRun reads a TaskRun, and its pod when there is one.
func attemptOfRun(run *tektonv1.TaskRun, pod *corev1.Pod) Attempt {
	attempt := Attempt{
		Object:          run.Name,
		ContainerPrefix: tekton.Container(""),
		StartedAt:       run.CreationTimestamp.Time,
		Removed:         run.DeletionTimestamp != nil,
	}
	if number, err := strconv.Atoi(run.Labels[attemptLabel]); err == nil {
		attempt.Key, attempt.Number = run.Labels[keyLabel], number
	}
	outcome := run.Outcome()
	attempt.Observation = observeRun(run, pod)
	if pod != nil {
		attempt.Pod, attempt.Cancelled = pod.Name, pod.Annotations[cancelledAnnotation] != ""
	}
	attempt.Ended = outcome.Status != corev1.ConditionUnknown || attempt.State != api.BuildRunning
	return attempt
}

// observeRun says what the pod says, and where there is none, the TaskRun.
func observeRun(run *tektonv1.TaskRun, pod *corev1.Pod) Observation {
	outcome := run.Outcome()
	if outcome.Status == corev1.ConditionFalse && outcome.Reason == tektonv1.ReasonTimeout {
		// Tekton has deleted the pod.
		timed := Observation{State: api.BuildFailed, Phase: PhaseBuild}
		if pod != nil {
			timed.Phase = observe(plainPod(pod)).Phase
		}
		timed.bounded(boundTime, fmt.Sprintf("took longer than the %s a build may take", run.Spec.Timeout.Duration))
		return timed
	}
	if pod != nil {
		return observe(plainPod(pod))
	}
	switch outcome.Status {
	case corev1.ConditionTrue:
		return Observation{State: api.BuildSucceeded, Phase: PhaseExport}
	case corev1.ConditionFalse:
		return Observation{State: api.BuildFailed, Phase: PhasePrepare, Again: true,
			Message: "Tekton ended the build: " + outcome.Reason + ": " + outcome.Message}
	default:
		waiting := Observation{State: api.BuildRunning, Phase: PhasePrepare, Message: outcome.Message}
		if waiting.Message == "" {
			waiting.Message = "waits for Tekton's controller to make its pod"
		}
		return waiting
	}
}

// plainPod is a TaskRun's pod as it would be without Tekton: prepare and build before export, each with its own ending. As soon
// as a step has failed, so has the pod: of a step that was killed with all that is in its container, the next ones do not learn.
func plainPod(pod *corev1.Pod) *corev1.Pod {
	plain := pod.DeepCopy()
	plain.Spec.InitContainers, plain.Spec.Containers = nil, nil
	plain.Status.InitContainerStatuses, plain.Status.ContainerStatuses = nil, nil
	for _, container := range pod.Spec.Containers {
		name, ok := tekton.StepName(container.Name)
		if !ok {
			continue
		}
		container.Name = name
		if name == PhaseExport {
			plain.Spec.Containers = append(plain.Spec.Containers, container)
		} else {
			plain.Spec.InitContainers = append(plain.Spec.InitContainers, container)
		}
	}
	for _, status := range pod.Status.ContainerStatuses {
		name, ok := tekton.StepName(status.Name)
		if !ok {
			continue
		}
		status.Name = name
		if done := status.State.Terminated; done != nil {
			ended := *done
			ended.Message = endingOf(done.Message)
			status.State.Terminated = &ended
			if done.ExitCode != 0 && plain.Status.Phase == corev1.PodRunning {
				plain.Status.Phase = corev1.PodFailed
			}
		}
		if name == PhaseExport {
			plain.Status.ContainerStatuses = append(plain.Status.ContainerStatuses, status)
		} else {
			plain.Status.InitContainerStatuses = append(plain.Status.InitContainerStatuses, status)
		}
	}
	// Tekton's own containers come first; why they wait is why the first step waits.
	for _, status := range pod.Status.InitContainerStatuses {
		if waiting := status.State.Waiting; waiting != nil && waiting.Message != "" && len(plain.Status.InitContainerStatuses) > 0 {
			plain.Status.InitContainerStatuses[0].State = status.State
			break
		}
	}
	return plain
}

// endingOf is the ending in a step's termination message, as the program writes it without Tekton.
func endingOf(termination string) string {
	encoded, ok := tekton.Result(termination, endingResult)
	if !ok {
		return ""
	}
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return ""
	}
	if _, err := ending.Parse(string(data)); err != nil {
		return ""
	}
	return string(data)
}

// Running implements Engine.
func (e *TektonEngine) Running(ctx context.Context) ([]queue.Build, error) {
	var runs tektonv1.TaskRunList
	if err := e.Client.List(ctx, &runs, client.InNamespace(e.Config.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the TaskRuns of builds: %w", err)
	}
	var running []queue.Build
	for i := range runs.Items {
		if run := &runs.Items[i]; run.Outcome().Status == corev1.ConditionUnknown {
			running = append(running, queue.Build{Tool: run.Labels[api.ToolLabel], Name: run.Labels[buildLabel], Key: run.Labels[keyLabel]})
		}
	}
	return running, nil
}

// Exists implements Engine.
func (e *TektonEngine) Exists(ctx context.Context, r Request, number int) (bool, error) {
	key := client.ObjectKey{Namespace: e.Config.Namespace, Name: podName(r, number)}
	return objectExists(ctx, e.Live, key, &tektonv1.TaskRun{}, "the TaskRun")
}

// Start implements Engine.
func (e *TektonEngine) Start(ctx context.Context, r Request, number int) error {
	return createObject(ctx, e.Client, TaskRun(e.Config, r, number), "the TaskRun")
}

// Advance implements Engine: it has export begin, once Kubernetes says that the container of the build has ended.
func (e *TektonEngine) Advance(ctx context.Context, a Attempt) error {
	if a.Pod == "" || a.Ended {
		return nil
	}
	var pod corev1.Pod
	err := e.Client.Get(ctx, client.ObjectKey{Namespace: e.Config.Namespace, Name: a.Pod}, &pod)
	if err != nil {
		return client.IgnoreNotFound(err) // it is looked at again when it is there
	}
	ended := slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.Name == tekton.Container(PhaseBuild) && s.State.Terminated != nil && s.State.Terminated.ExitCode == 0
	})
	if !ended || pod.Annotations[endedAnnotation] == endedValue {
		return nil
	}
	told := pod.DeepCopy()
	if told.Annotations == nil {
		told.Annotations = make(map[string]string)
	}
	told.Annotations[endedAnnotation] = endedValue
	if err := e.Client.Patch(ctx, told, client.MergeFrom(&pod)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("tell pod %s that its build has ended: %w", pod.Name, err)
	}
	return nil
}

// Cancel implements Engine: Tekton's own way of cancelling would delete the pod.
func (e *TektonEngine) Cancel(ctx context.Context, a Attempt, why string) error {
	if a.Pod == "" {
		return e.Remove(ctx, a)
	}
	if ends, err := cancelPod(ctx, e.Client, client.ObjectKey{Namespace: e.Config.Namespace, Name: a.Pod}, why); ends || err != nil {
		return err
	}
	return e.Remove(ctx, a)
}

// Remove implements Engine.
func (e *TektonEngine) Remove(ctx context.Context, a Attempt) error {
	run := &tektonv1.TaskRun{ObjectMeta: metav1.ObjectMeta{Namespace: e.Config.Namespace, Name: a.Object}}
	return deleteObject(ctx, e.Client, run, "the TaskRun")
}

// Interface guard.
var _ Engine = (*TektonEngine)(nil)
