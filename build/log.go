package build

import (
	"context"
	"regexp"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
)

const (
	tailLines = 60
	// tailRead bounds what is read from the API server, tailKept what a record keeps; in bytes.
	tailRead = 64 << 10
	tailKept = 4 << 10
)

// PodLogs reads logs from the API server.
type PodLogs struct{ Client kubernetes.Interface }

// Tail returns the last 60 lines of a container's log, at most 64 KiB.
func (l PodLogs) Tail(ctx context.Context, namespace, pod, container string) (string, error) {
	data, err := l.Client.CoreV1().Pods(namespace).GetLogs(pod, &corev1.PodLogOptions{
		Container:  container,
		TailLines:  ptr.To(int64(tailLines)),
		LimitBytes: ptr.To(int64(tailRead)),
	}).DoRaw(ctx)
	return string(data), err
}

// tail is the end of one phase's log as a record keeps it. A log that cannot be read is no reason to fail.
func (b *Builds) tail(ctx context.Context, attempt *Attempt, phase string) string {
	if phase == "" || attempt.Pod == "" {
		return ""
	}
	text, err := b.Logs.Tail(ctx, b.Config.Namespace, attempt.Pod, attempt.ContainerPrefix+containerOf(phase))
	if err != nil {
		return "(the log could not be read: " + err.Error() + ")"
	}
	return clean(text)
}

// urlUser is the user name and password of a URL. A token is often the name alone.
var urlUser = regexp.MustCompile(`://[^/\s]+@`)

// clean makes a log fit to be kept: without user names and passwords in URLs, without control characters, and no longer than 4 KiB.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
	// Now, since what was just taken out may have hidden a URL.
	text = urlUser.ReplaceAllString(text, "://***@")
	if len(text) <= tailKept {
		return text
	}
	text = text[len(text)-tailKept:]
	if line := strings.IndexByte(text, '\n'); line >= 0 {
		text = text[line+1:]
	}
	return strings.ToValidUTF8(text, "")
}
