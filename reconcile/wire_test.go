package reconcile

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// wire sees every request that the controller makes. It can cut off some.
type wire struct {
	next http.RoundTripper

	mu     sync.Mutex
	writes []string
	// cut has the requests fail that it says yes to, before they reach the API server.
	cut  func(*http.Request) bool
	cuts int
}

var errCut = errors.New("the connection was cut by the test")

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	w.mu.Lock()
	cut := w.cut != nil && w.cut(request)
	if !cut && request.Method != http.MethodGet {
		w.writes = append(w.writes, request.Method+" "+request.URL.Path)
	}
	w.mu.Unlock()
	if cut {
		w.mu.Lock()
		w.cuts++
		w.mu.Unlock()
		return nil, errCut
	}
	return w.next.RoundTrip(request)
}

// wasCut tells whether a request was cut off.
func (w *wire) wasCut() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cuts > 0
}

// take returns the requests that wrote since it was called last: METHOD /path, in order.
func (w *wire) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	writes := w.writes
	w.writes = nil
	return writes
}

// objectWrites returns those writes that are not to a tool itself, sorted.
func objectWrites(writes []string) []string {
	var kept []string
	for _, write := range writes {
		if !strings.Contains(write, " /apis/toolforge.org/") {
			kept = append(kept, write)
		}
	}
	slices.Sort(kept)
	return kept
}

// cutStatus is for a daemon that is killed before it can write what it has done.
func cutStatus(request *http.Request) bool {
	return request.Method == http.MethodPatch && strings.HasSuffix(request.URL.Path, "/status")
}

func (w *wire) setCut(cut func(*http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}
