package build

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// Registry is what the engine asks of a registry.
type Registry interface {
	Built(ctx context.Context, reference string) (registry.Built, error)
}

// Logs reads the end of one container's log.
type Logs interface {
	Tail(ctx context.Context, namespace, pod, container string) (string, error)
}

// Engine runs builds as pods. All its state is in those pods, in the registry, and in the records it returns.
type Engine struct {
	Config Config
	// Client reads pods from a cache and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live     client.Reader
	Registry Registry
	Logs     Logs
	Now      func() time.Time
}

// Step brings one build forward as far as is possible now, without waiting, and returns its new record. Last is the record
// that it returned before for a build of this name, nil for none. A changed pod is the time to call it again, or RetryAt.
//
// An error is the platform's: the API server's or the registry's. A failed build is a record.
func (e *Engine) Step(ctx context.Context, r Request, last *api.Build) (api.Build, error) {
	record := open(r, last)
	pods, err := e.pods(ctx, r)
	if err != nil {
		return record, err
	}
	if record.State == api.BuildSucceeded || record.State == api.BuildFailed {
		return record, e.clear(ctx, pods)
	}
	if pod, attempt := current(record, pods); pod != nil {
		record.Attempts, record.StartedAt = attempt, &pod.CreationTimestamp
		return e.follow(ctx, r, record, pod)
	}
	return e.start(ctx, r, record, pods)
}

// current finds the pod whose result is not in the record yet, also one that was made just before the daemon was killed.
func current(record api.Build, pods []corev1.Pod) (*corev1.Pod, int) {
	next := record.Attempts + 1
	if record.State == api.BuildRunning {
		next = record.Attempts
	}
	for i := range pods {
		attempt, err := strconv.Atoi(pods[i].Labels[attemptLabel])
		if err == nil && pods[i].Labels[keyLabel] == record.Key && attempt >= next {
			return &pods[i], attempt
		}
	}
	return nil, 0
}

// open is the record to go on with: the last one, or a new one when the inputs are new.
func open(r Request, last *api.Build) api.Build {
	if last != nil && last.Key == r.Inputs.Key() {
		return *last.DeepCopy()
	}
	return api.Build{
		Name:    r.Name,
		Key:     r.Inputs.Key(),
		Commit:  r.Commit,
		Source:  r.Inputs.Tree,
		Builder: r.Inputs.Builder,
		Reason:  r.Inputs.reason(last),
		State:   api.BuildWaiting,
	}
}

// pods are all pods of this tool's builds of this name, whatever their key.
func (e *Engine) pods(ctx context.Context, r Request) ([]corev1.Pod, error) {
	var list corev1.PodList
	err := e.Client.List(ctx, &list, client.InNamespace(e.Config.Namespace),
		client.MatchingLabels{api.ToolLabel: r.Tool, buildLabel: r.Name})
	if err != nil {
		return nil, fmt.Errorf("list build pods: %w", err)
	}
	return list.Items, nil
}

// start makes the next pod, unless the image is there already or the build must wait.
func (e *Engine) start(ctx context.Context, r Request, record api.Build, pods []corev1.Pod) (api.Build, error) {
	reason, err := e.mustWait(ctx, record, pods)
	if err != nil {
		return record, err
	}
	if reason != "" && record.State == api.BuildWaiting && record.Message != "" {
		// The registry was asked when it began to wait, and is asked again when the wait is over.
		record.Message = reason
		return record, nil
	}
	built, err := e.Registry.Built(ctx, e.Config.tag(r))
	if err == nil {
		return e.succeed(record, built), nil
	}
	if !errors.Is(err, registry.ErrNotFound) {
		return record, err
	}
	if alive, err := e.alive(ctx, r, record); err != nil || alive {
		return record, err
	}
	if reason != "" {
		record.State, record.Message = api.BuildWaiting, reason
		return record, nil
	}
	attempt := record.Attempts + 1
	pod := Pod(e.Config, r, attempt)
	if err := e.Client.Create(ctx, pod); err != nil && !apierrors.IsAlreadyExists(err) {
		return record, fmt.Errorf("create build pod %s: %w", pod.Name, err)
	}
	now := metav1.NewTime(e.Now()).Rfc3339Copy()
	record.State, record.Attempts, record.Phase = api.BuildRunning, attempt, PhaseSource
	record.StartedAt, record.FinishedAt, record.Message, record.Log = &now, nil, "", ""
	return record, e.clear(ctx, pods)
}

// alive asks the API server itself for the pod of a running build that the cache does not show: it may be too new for the
// cache, and only one that is really lost may be replaced.
func (e *Engine) alive(ctx context.Context, r Request, record api.Build) (bool, error) {
	if record.State != api.BuildRunning {
		return false, nil
	}
	name := podName(r, record.Attempts)
	err := e.Live.Get(ctx, client.ObjectKey{Namespace: e.Config.Namespace, Name: name}, &corev1.Pod{})
	if err != nil && !apierrors.IsNotFound(err) {
		return false, fmt.Errorf("look for build pod %s: %w", name, err)
	}
	return err == nil, nil
}

// follow brings the record up to what the attempt's pod says.
func (e *Engine) follow(ctx context.Context, r Request, record api.Build, pod *corev1.Pod) (api.Build, error) {
	seen := observe(pod)
	switch seen.state {
	case api.BuildSucceeded:
		built, err := e.Registry.Built(ctx, e.Config.tag(r))
		if errors.Is(err, registry.ErrNotFound) {
			lost := observation{phase: PhaseExport, message: "the registry does not have the image that was exported", again: true}
			return e.fail(ctx, record, pod, lost), nil
		}
		if err != nil {
			return record, err
		}
		record.Log = e.tail(ctx, pod, PhaseBuild)
		return e.succeed(record, built), nil
	case api.BuildFailed:
		return e.fail(ctx, record, pod, seen), nil
	default:
		record.State, record.Phase, record.Message = seen.state, seen.phase, seen.message
		return record, nil
	}
}

func (e *Engine) succeed(record api.Build, built registry.Built) api.Build {
	now := metav1.NewTime(e.Now()).Rfc3339Copy()
	record.State, record.Phase, record.Message, record.FinishedAt = api.BuildSucceeded, "", "", &now
	record.Image, record.Processes = built.Reference, built.Processes
	return record
}

// fail closes the record when the repository must change, and leaves it waiting for another attempt otherwise.
func (e *Engine) fail(ctx context.Context, record api.Build, pod *corev1.Pod, seen observation) api.Build {
	now := metav1.NewTime(e.Now()).Rfc3339Copy()
	record.Phase, record.Message, record.FinishedAt = seen.phase, seen.message, &now
	record.Log = e.tail(ctx, pod, seen.phase)
	record.State = api.BuildFailed
	if seen.again {
		record.State = api.BuildWaiting
	}
	return record
}

// clear removes the pods that nobody will look at again. A running one of older inputs is left to finish.
func (e *Engine) clear(ctx context.Context, pods []corev1.Pod) error {
	for i := range pods {
		if !finished(&pods[i]) || pods[i].DeletionTimestamp != nil {
			continue
		}
		if err := e.Client.Delete(ctx, &pods[i]); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete build pod %s: %w", pods[i].Name, err)
		}
	}
	return nil
}

func finished(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
