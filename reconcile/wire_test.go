package reconcile

import (
	"bytes"
	"errors"
	"fmt"
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
	// refusals is how many of the next writes are answered with the status refusal instead of being made.
	refusals, refusal int
	// held, if not nil, keeps watches from being begun until it is closed.
	held chan struct{}
	// answers counts the answers by status; also the end of a watch that has expired counts as 410.
	answers map[int]int
}

var errCut = errors.New("the connection was cut by the test")

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if status := w.refused(request); status != 0 {
		return refusalOf(request, status), nil
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

// refuse has the next n writes answered with a status.
func (w *wire) refuse(n, status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refusals, w.refusal = n, status
}

// refused is the status to answer a request with instead of making it; 0 for none.
func (w *wire) refused(request *http.Request) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusals == 0 || request.Method == http.MethodGet {
		return 0
	}
	w.refusals--
	return w.refusal
}

// refusalOf is what the API server answers when it does not do what was asked. A client repeats what it answers with a
// time to wait by itself.
func refusalOf(request *http.Request, status int) *http.Response {
	body := fmt.Sprintf(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"","message":"refused by the test","code":%d}`, status)
	return &http.Response{
		StatusCode: status,
		Header:     http.Header{"Content-Type": {"application/json"}, "Retry-After": {"1"}},
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

// keysMade is the write of a tool's key pair.
const keysMade = "POST /api/v1/namespaces/" + buildNamespace + "/secrets"

// cutStatus is for a daemon that is killed before it can write what it has done.
func cutStatus(request *http.Request) bool {
	return request.Method == http.MethodPatch && strings.HasSuffix(request.URL.Path, "/status")
}

func (w *wire) setCut(cut func(*http.Request) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = cut
}
