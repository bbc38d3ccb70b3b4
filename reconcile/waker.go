package reconcile

import (
	"context"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/source"
)

// Waker wakes tools from outside of Kubernetes: a new revision is no event there. The zero value is ready to use.
type Waker struct {
	mu      sync.Mutex
	queue   workQueue
	waiting []string
}

// Wake has the tool reconciled soon for which a repository is watched under that name. It does not block.
func (w *Waker) Wake(watched string) {
	tool, _, _ := strings.Cut(watched, "/")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.queue == nil {
		w.waiting = append(w.waiting, tool)
		return
	}
	w.queue.Add(request(tool))
}

// source hands the controller's queue over when it starts.
func (w *Waker) source() source.Source {
	return source.Func(func(_ context.Context, q workQueue) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.queue = q
		for _, tool := range w.waiting {
			q.Add(request(tool))
		}
		w.waiting = nil
		return nil
	})
}
