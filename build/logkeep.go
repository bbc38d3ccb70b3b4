package build

import (
	"context"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// logMediaType is that of a kept log: gzip, possibly of several members.
const logMediaType = "application/vnd.toolforge.build.log.v1+gzip"

// keeping is the keeping of one log.
type keeping struct {
	KeptLog
	tool string
	// tries counts those that failed; the next one is not before next. It is done meanwhile when busy.
	tries int
	next  time.Time
	busy  bool
	// doneAt is when it was kept, or given up.
	doneAt time.Time
}

// Keep implements Logs. What it began ends by itself, at the latest an hour after the build has; it is begun anew by another
// daemon, as long as the attempt's pod is there. An attempt without a pod has no log.
func (l *Logbook) Keep(tool, name string, a Attempt) KeptLog {
	if a.Pod == "" {
		return KeptLog{Read: true, End: noLog, Done: true}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.keepings[a.Pod]
	if e == nil {
		l.sweep()
		e = &keeping{tool: tool}
		l.keepings[a.Pod] = e
	}
	if !e.Done && !e.busy && !l.Now().Before(e.next) {
		e.busy = true
		go l.run(e, name, a)
	}
	return e.KeptLog
}

// sweep forgets what was done long ago: those pods are gone.
func (l *Logbook) sweep() {
	for pod, e := range l.keepings {
		if e.Done && !e.busy && l.Now().Sub(e.doneAt) > rememberFor {
			delete(l.keepings, pod)
		}
	}
}

// run is one try to keep a log.
func (l *Logbook) run(e *keeping, name string, a Attempt) {
	l.slots <- struct{}{}
	defer func() { <-l.slots }()
	ctx, cancel := context.WithTimeout(context.Background(), keepTimeout)
	defer cancel()
	began := l.Now()
	ended, err := l.keep(ctx, e, name, a)
	l.mu.Lock()
	e.busy = false
	if err != nil && !e.Read {
		e.Read, e.End = true, unread+err.Error()+")"
	}
	retry := time.Duration(0)
	switch {
	case err == nil:
		e.Done = true
		l.Log.Debug("a build's log is kept", "tool", e.tool, "build", name, "pod", a.Pod)
	case !ended.IsZero() && began.Sub(ended) > keepFor:
		e.Done = true
		l.Log.Error("a build's log is given up", "tool", e.tool, "build", name, "pod", a.Pod, "error", err)
	default:
		retry = min(firstRetry<<min(e.tries, 10), lastRetry)
		e.tries++
		e.next = l.Now().Add(retry)
		l.Log.Warn("a build's log is not kept yet", "tool", e.tool, "build", name, "pod", a.Pod, "retry", retry, "error", err)
	}
	if e.Done {
		e.doneAt = l.Now()
	}
	l.mu.Unlock()
	l.Wake(e.tool)
	if retry == 0 {
		return
	}
	time.AfterFunc(retry, func() { l.Wake(e.tool) })
}

// keep reads the log of an attempt and stores it. It returns when the attempt ended, if it came to know that.
func (l *Logbook) keep(ctx context.Context, e *keeping, name string, a Attempt) (ended time.Time, err error) {
	pod := &corev1.Pod{}
	if err := l.Live.Get(ctx, client.ObjectKey{Namespace: l.Config.Namespace, Name: a.Pod}, pod); apierrors.IsNotFound(err) {
		l.read(e, unread+"the pod had gone)")
		return ended, nil
	} else if err != nil {
		return ended, fmt.Errorf("look for build pod %s: %w", a.Pod, err)
	}
	ended = endOf(pod)
	secrets, err := l.secretsOf(ctx, pod)
	if err != nil {
		return ended, err
	}
	kept := &logFile{}
	end := &logTail{}
	if err := l.copy(ctx, pod, secrets, kept, end, lastHeard(a)); err != nil {
		return ended, err
	}
	if why := pod.Annotations[cancelledAnnotation]; why != "" {
		_, _ = fmt.Fprintf(kept, "[%s]\n", why) // it tells of a failure when it is closed
	}
	l.read(e, end.String())
	data, err := kept.close()
	if err != nil {
		return ended, fmt.Errorf("compress the log of build pod %s: %w", pod.Name, err)
	}
	reference := l.Config.logRepository(e.tool, name) + ":" + logTag(a.Key, a.Number)
	// One that is there already was read when nothing of it had been lost yet.
	if tags, err := l.Registry.Tags(ctx, l.Config.logRepository(e.tool, name)); err != nil {
		return ended, err
	} else if hasTag(tags, a.Key, a.Number) {
		return ended, nil
	}
	return ended, l.Registry.Keep(ctx, reference, registry.Artifact{
		MediaType: logMediaType,
		Data:      data,
		Annotations: map[string]string{
			api.ToolLabel: e.tool, buildLabel: name, keyLabel: a.Key, attemptLabel: strconv.Itoa(a.Number),
			"org.opencontainers.image.created": ended.UTC().Format(time.RFC3339),
		},
	})
}

// read makes the end of a log known.
func (l *Logbook) read(e *keeping, end string) {
	l.mu.Lock()
	news := !e.Read
	e.Read, e.End = true, end
	l.mu.Unlock()
	if news {
		l.Wake(e.tool)
	}
}

// endOf is when the last container ended; when the pod was made, if none did.
func endOf(pod *corev1.Pod) time.Time {
	end := pod.CreationTimestamp.Time
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if done := status.State.Terminated; done != nil && done.FinishedAt.After(end) {
			end = done.FinishedAt.Time
		}
	}
	return end
}

// lastHeard is the container whose end of the log is told: the one that failed, or that of the buildpacks.
func lastHeard(a Attempt) string {
	if a.State == api.BuildSucceeded {
		return a.ContainerPrefix + PhaseBuild
	}
	return a.ContainerPrefix + containerOf(a.Phase)
}
