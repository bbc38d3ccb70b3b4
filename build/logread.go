package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/toolforge/toolforged/build/redact"
	"github.com/toolforge/toolforged/build/tekton"
)

// maxRead bounds what is read of one container's output, in bytes: the kubelet keeps less, as it is usually set up.
const maxRead = 256 << 20

const (
	// noLog stands for a log with nothing in it.
	noLog = "(nothing was printed)"
	// unread begins what stands for one that could not be read; the reason follows, and a closing parenthesis.
	unread = "(the log could not be read: "
)

// containersOf are the containers of the build's phases, in the order in which they run: in a pod of Tekton's its steps.
func containersOf(pod *corev1.Pod) []string {
	var names, steps []string
	for _, container := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
		names = append(names, container.Name)
		if strings.HasPrefix(container.Name, tekton.Container("")) {
			steps = append(steps, container.Name)
		}
	}
	if len(steps) > 0 {
		return steps
	}
	return names
}

// copy writes what all containers of a pod that has ended have printed, without secrets, and what one of them has to end too.
func (l *Logbook) copy(ctx context.Context, pod *corev1.Pod, secrets *redact.Set, to, end io.Writer, ending string) error {
	for _, container := range containersOf(pod) {
		if !hasStarted(pod, container) {
			continue
		}
		into := to
		if container == ending {
			into = io.MultiWriter(to, end)
		}
		if err := l.copyOne(ctx, pod, container, false, secrets, into); err != nil {
			return err
		}
	}
	return nil
}

// copyOne writes what one container has printed, below a heading with its name. What it prints while it is read follows if
// follow says so.
func (l *Logbook) copyOne(ctx context.Context, pod *corev1.Pod, container string, follow bool, secrets *redact.Set, to io.Writer) error {
	output, err := l.Output.Read(ctx, pod.Namespace, pod.Name, &corev1.PodLogOptions{
		Container: container, Follow: follow, LimitBytes: ptr.To(int64(maxRead)),
	})
	if err != nil {
		return fmt.Errorf("read what container %s of pod %s printed: %w", container, pod.Name, err)
	}
	defer output.Close()
	lines := &headed{to: to, heading: headingOf(container)}
	clean := secrets.Writer(lines)
	if _, err := io.Copy(clean, output); err != nil {
		return fmt.Errorf("read what container %s of pod %s printed: %w", container, pod.Name, err)
	}
	if err := clean.Close(); err != nil {
		return err
	}
	return lines.close()
}

// headingMark begins the heading of a phase.
const headingMark = "===> "

func headingOf(container string) string {
	return headingMark + strings.TrimPrefix(container, tekton.Container("")) + "\n"
}

// headed writes a heading before a text that does not begin with one, and a new line at its end where that is missing.
type headed struct {
	to      io.Writer
	heading string
	// begun is the beginning, as long as it may be a heading.
	begun []byte
	past  bool
	last  byte
}

// Write implements io.Writer.
func (h *headed) Write(p []byte) (int, error) {
	if !h.past {
		h.begun = append(h.begun, p...)
		if len(h.begun) < len(headingMark) && bytes.HasPrefix([]byte(headingMark), h.begun) {
			return len(p), nil
		}
		return len(p), h.begin()
	}
	return len(p), h.write(p)
}

func (h *headed) begin() error {
	h.past = true
	if !bytes.HasPrefix(h.begun, []byte(headingMark)) {
		if err := h.write([]byte(h.heading)); err != nil {
			return err
		}
	}
	return h.write(h.begun)
}

func (h *headed) write(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	h.last = p[len(p)-1]
	_, err := h.to.Write(p)
	return err
}

func (h *headed) close() error {
	if !h.past {
		if err := h.begin(); err != nil {
			return err
		}
	}
	if h.last != '\n' && h.last != 0 {
		return h.write([]byte("\n"))
	}
	return nil
}

func hasStarted(pod *corev1.Pod, container string) bool {
	for _, status := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		if status.Name == container {
			return status.State.Running != nil || status.State.Terminated != nil && status.State.Terminated.ContainerID != ""
		}
	}
	return false
}
