package build

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/registry"
)

// Logs keeps what builds print.
type Logs interface {
	// Keep says what is known of the log of an attempt that has ended, and sees to it that more becomes known. It does not wait.
	Keep(tool, name string, a Attempt) KeptLog
}

// KeptLog is how far the log of an attempt is kept.
type KeptLog struct {
	// Read tells that it was read, or that it cannot be. Then End is the end of what the phase printed that ended last, or why
	// there is none: at most 4 KiB.
	Read bool
	End  string
	// Done tells that it is kept in the registry, or that this was given up: the attempt's object may go.
	Done bool
}

// Output reads what a container prints.
type Output interface {
	Read(ctx context.Context, namespace, pod string, options *corev1.PodLogOptions) (io.ReadCloser, error)
}

// PodOutput reads from the API server.
type PodOutput struct{ Client kubernetes.Interface }

// Read begins to read, as the options have it.
func (o PodOutput) Read(ctx context.Context, namespace, pod string, options *corev1.PodLogOptions) (io.ReadCloser, error) {
	return o.Client.CoreV1().Pods(namespace).GetLogs(pod, options).Stream(ctx)
}

// LogRegistry is where logs are kept.
type LogRegistry interface {
	Keep(ctx context.Context, reference string, a registry.Artifact) error
	Kept(ctx context.Context, reference string, most int64) (registry.Artifact, error)
	Tags(ctx context.Context, repository string) ([]string, error)
}

// Logbook shows what builds print, and keeps it in the registry once they have ended: whole but for the middle of a long one,
// and without the secrets that the build had, which are taken out before anything is stored or sent. All it knows is in the
// pods and in the registry. It is safe for concurrent use.
type Logbook struct {
	Config Config
	// Live reads pods and Secrets from the API server.
	Live     client.Reader
	Output   Output
	Registry LogRegistry
	Now      func() time.Time
	// Wake is called with the name of a tool one of whose logs Keep knows more of.
	Wake func(tool string)
	Log  *slog.Logger

	mu       sync.Mutex
	keepings map[string]*keeping // by the pod's name
	slots    chan struct{}
}

const (
	// keptAtOnce is how many logs are read and sent at the same time.
	keptAtOnce = 3
	// keepTimeout bounds one try to keep a log, keepFor all tries, from the end of the build on.
	keepTimeout = 2 * time.Minute
	keepFor     = time.Hour
	// rememberFor is how long it is known of a log that it is kept: longer than it takes to see that its pod is gone.
	rememberFor = 10 * time.Minute
)

// NewLogbook returns a Logbook with these settings, which are all required.
func NewLogbook(l *Logbook) *Logbook {
	l.keepings, l.slots = make(map[string]*keeping), make(chan struct{}, keptAtOnce)
	return l
}

// logRepository is where the logs of a tool's builds of one name are kept.
func (c Config) logRepository(tool, name string) string {
	return c.Registry + "/" + Repository{OfLogs, tool, name}.Path()
}
