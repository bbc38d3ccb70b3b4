package reconcile

import (
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// healthy remembers at which resource version a Deployment was seen healthy, so that it is read again only when it
// changed. A restart reads each once.
type healthy struct {
	mu       sync.Mutex
	versions map[objectKey]string
}

func newHealthy() *healthy { return &healthy{versions: make(map[objectKey]string)} }

func (h *healthy) is(object client.Object, version string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.versions[keyOf(object)] == version
}

func (h *healthy) set(object client.Object, version string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.versions[keyOf(object)] = version
}

func (h *healthy) forget(object client.Object) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.versions, keyOf(object))
}
