package reconcile

import (
	"bytes"
	"errors"
	"io"
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
	// conflicts is how many of the next writes are answered with 409 Conflict instead of being made.
	conflicts int
	// held, if not nil, keeps watches from being begun until it is closed.
	held chan struct{}
	// answers counts the answers by status; also the end of a watch that has expired counts as 410.
	answers map[int]int
}

var errCut = errors.New("the connection was cut by the test")

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if w.conflicted(request) {
		return conflict(request), nil
	}
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
	watch := request.URL.Query().Get("watch") != ""
	if watch {
		w.wait(request)
	}
	response, err := w.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	w.answered(response.StatusCode)
	if watch {
		response.Body = &watchBody{ReadCloser: response.Body, expired: func() { w.answered(http.StatusGone) }}
	}
	return response, nil
}

// wait holds a request for as long as watches are held.
func (w *wire) wait(request *http.Request) {
	w.mu.Lock()
	held := w.held
	w.mu.Unlock()
	if held == nil {
		return
	}
	select {
	case <-held:
	case <-request.Context().Done():
	}
}

// hold keeps watches from being begun, until the function that it returns is called.
func (w *wire) hold() (release func()) {
	held := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = held
	return func() { close(held) }
}

// watchBody notices the event that ends a watch which has expired.
type watchBody struct {
	io.ReadCloser
	expired func()
}

func (b *watchBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if bytes.Contains(p[:n], []byte("too old resource version")) {
		b.expired()
	}
	return n, err
}

func (w *wire) answered(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.answers == nil {
		w.answers = make(map[int]int)
	}
	w.answers[status]++
}

// saw is how often an answer had a status.
func (w *wire) saw(status int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answers[status]
}

func (w *wire) conflicted(request *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.conflicts == 0 || request.Method == http.MethodGet {
		return false
	}
	w.conflicts--
	return true
}

func (w *wire) setConflicts(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.conflicts = n
}

// conflict is what the API server answers when somebody else was faster.
func conflict(request *http.Request) *http.Response {
	const body = `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Conflict","message":"somebody was faster","code":409}`
	return &http.Response{
		StatusCode: http.StatusConflict,
		Header:     http.Header{"Content-Type": {"application/json"}},
		Body:       io.NopCloser(strings.NewReader(body)),
		Request:    request,
	}
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
