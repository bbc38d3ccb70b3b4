package build

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build/redact"
	"github.com/toolforge/toolforged/registry"
)

// startCheck is how often it is looked whether a container whose log is followed has started.
const startCheck = time.Second

// Open returns the log of an attempt at a build, or of the newest one for attempt 0: what a running one prints follows, until
// it ends or ctx does. The error is fs.ErrNotExist when there is none, or none any more.
func (l *Logbook) Open(ctx context.Context, tool, name, key string, attempt int) (io.ReadCloser, error) {
	pod, err := l.pod(ctx, tool, name, key, attempt)
	if err != nil {
		return nil, err
	}
	if pod == nil {
		return l.kept(ctx, tool, name, key, attempt)
	}
	secrets, err := l.secretsOf(ctx, pod)
	if err != nil {
		return nil, err
	}
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		writer.CloseWithError(l.follow(ctx, pod, secrets, writer))
	}()
	return following{reader, cancel}, nil
}

// following is a log that is still being written.
type following struct {
	*io.PipeReader
	cancel context.CancelFunc
}

// Close ends the following.
func (f following) Close() error {
	f.cancel()
	return f.PipeReader.Close()
}

// pod is that of an attempt; nil when there is none any more.
func (l *Logbook) pod(ctx context.Context, tool, name, key string, attempt int) (*corev1.Pod, error) {
	var list corev1.PodList
	labels := client.MatchingLabels{api.ToolLabel: tool, buildLabel: name, keyLabel: key}
	if attempt > 0 {
		labels[attemptLabel] = strconv.Itoa(attempt)
	}
	if err := l.Live.List(ctx, &list, client.InNamespace(l.Config.Namespace), labels); err != nil {
		return nil, fmt.Errorf("list build pods: %w", err)
	}
	var newest *corev1.Pod
	most := 0
	for i := range list.Items {
		if number, err := strconv.Atoi(list.Items[i].Labels[attemptLabel]); err == nil && number > most {
			newest, most = &list.Items[i], number
		}
	}
	return newest, nil
}

// follow writes what all containers of a pod print, from the first to the last.
func (l *Logbook) follow(ctx context.Context, pod *corev1.Pod, secrets *redact.Set, to io.Writer) error {
	for _, container := range containersOf(pod) {
		for !hasStarted(pod, container) {
			if finished(pod) || pod.DeletionTimestamp != nil {
				break
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(startCheck):
			}
			if err := l.Live.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
				return client.IgnoreNotFound(err)
			}
		}
		if !hasStarted(pod, container) {
			continue
		}
		if err := l.copyOne(ctx, pod, container, true, secrets, to); err != nil {
			return err
		}
	}
	return nil
}

// kept is the log of an attempt that the registry has.
func (l *Logbook) kept(ctx context.Context, tool, name, key string, attempt int) (io.ReadCloser, error) {
	repository := l.Config.logRepository(tool, name)
	if attempt == 0 {
		tags, err := l.Registry.Tags(ctx, repository)
		if err != nil {
			return nil, err
		}
		if attempt = newestAttempt(tags, key); attempt == 0 {
			return nil, fmt.Errorf("the log of build %s: %w", key, fs.ErrNotExist)
		}
	}
	artifact, err := l.Registry.Kept(ctx, repository+":"+logTag(key, attempt), maxKept)
	if errors.Is(err, registry.ErrNotFound) {
		return nil, fmt.Errorf("the log of attempt %d at build %s: %w", attempt, key, fs.ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	text, err := gzip.NewReader(bytes.NewReader(artifact.Data))
	if err != nil {
		return nil, fmt.Errorf("read the log of build %s: %w", key, err)
	}
	return io.NopCloser(io.LimitReader(text, maxKept)), nil
}

// logTag names the log of an attempt.
func logTag(key string, attempt int) string { return key + "-" + strconv.Itoa(attempt) }

func hasTag(tags []string, key string, attempt int) bool {
	wanted := logTag(key, attempt)
	for _, tag := range tags {
		if tag == wanted {
			return true
		}
	}
	return false
}

// newestAttempt is the last attempt at a build whose log is among the tags; 0 for none.
func newestAttempt(tags []string, key string) int {
	newest := 0
	for _, tag := range tags {
		if number, ok := strings.CutPrefix(tag, key+"-"); ok {
			if n, err := strconv.Atoi(number); err == nil {
				newest = max(newest, n)
			}
		}
	}
	return newest
}
