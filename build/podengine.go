package build

import (
	"context"
	"fmt"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// PodEngine runs each attempt as a pod (Pod).
type PodEngine struct {
	Config Config
	// Client reads pods from a cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
}

// Attempts implements Engine.
func (e *PodEngine) Attempts(ctx context.Context, tool, name string) ([]Attempt, error) {
	var list corev1.PodList
	err := e.Client.List(ctx, &list, client.InNamespace(e.Config.Namespace),
		client.MatchingLabels{api.ToolLabel: tool, buildLabel: name})
	if err != nil {
		return nil, fmt.Errorf("list build pods: %w", err)
	}
	attempts := make([]Attempt, 0, len(list.Items))
	for i := range list.Items {
		attempts = append(attempts, attemptOf(&list.Items[i]))
	}
	return attempts, nil
}

// attemptOf reads a build's pod. One whose labels were changed by hand is an attempt at nothing.
func attemptOf(pod *corev1.Pod) Attempt {
	attempt := Attempt{
		Object:      pod.Name,
		Pod:         pod.Name,
		StartedAt:   pod.CreationTimestamp.Time,
		Ended:       finished(pod),
		Cancelled:   pod.Annotations[cancelledAnnotation] != "",
		Removed:     pod.DeletionTimestamp != nil,
		Observation: observe(pod),
	}
	if number, err := strconv.Atoi(pod.Labels[attemptLabel]); err == nil {
		attempt.Key, attempt.Number = pod.Labels[keyLabel], number
	}
	return attempt
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// Running implements Engine.
func (e *PodEngine) Running(ctx context.Context) ([]queue.Build, error) {
	var list corev1.PodList
	if err := e.Client.List(ctx, &list, client.InNamespace(e.Config.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list build pods: %w", err)
	}
	var running []queue.Build
	for i := range list.Items {
		if pod := &list.Items[i]; !finished(pod) {
			running = append(running, queue.Build{Tool: pod.Labels[api.ToolLabel], Name: pod.Labels[buildLabel], Key: pod.Labels[keyLabel]})
		}
	}
	return running, nil
}

// Exists implements Engine.
func (e *PodEngine) Exists(ctx context.Context, r Request, number int) (bool, error) {
	key := client.ObjectKey{Namespace: e.Config.Namespace, Name: podName(r, number)}
	return objectExists(ctx, e.Live, key, &corev1.Pod{}, "build pod")
}

// Start implements Engine.
func (e *PodEngine) Start(ctx context.Context, r Request, number int) error {
	return createObject(ctx, e.Client, Pod(e.Config, r, number), "build pod")
}

// Advance implements Engine: a pod goes on by itself.
func (e *PodEngine) Advance(context.Context, Attempt) error { return nil }

// Cancel implements Engine.
func (e *PodEngine) Cancel(ctx context.Context, a Attempt, why string) error {
	if ends, err := cancelPod(ctx, e.Client, client.ObjectKey{Namespace: e.Config.Namespace, Name: a.Pod}, why); ends || err != nil {
		return err
	}
	return e.Remove(ctx, a)
}

// Remove implements Engine.
func (e *PodEngine) Remove(ctx context.Context, a Attempt) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: e.Config.Namespace, Name: a.Object}}
	return deleteObject(ctx, e.Client, pod, "build pod")
}

// Interface guard.
var _ Engine = (*PodEngine)(nil)
