package main

import (
	"maps"
	"net/http"
	"strings"
	"sync"
)

// Call is a kind of request to the API server.
type Call struct {
	// Verb: get, list, watch, create, apply, patch, update or delete.
	Verb string
	// Resource in the plural, with the subresource if there is one, as tools/status; "discovery" for none.
	Resource string
}

// writes tells whether such a request can change anything.
func (c Call) writes() bool { return c.Verb != "get" && c.Verb != "list" && c.Verb != "watch" }

// Calls counts requests.
type Calls map[Call]int

// since is what came after before.
func (c Calls) since(before Calls) Calls {
	after := make(Calls)
	for call, n := range c {
		if n -= before[call]; n > 0 {
			after[call] = n
		}
	}
	return after
}

// count sums those up that are chosen.
func (c Calls) count(chosen func(Call) bool) int {
	sum := 0
	for call, n := range c {
		if chosen(call) {
			sum += n
		}
	}
	return sum
}

// every chooses all.
func every(Call) bool { return true }

// wire counts the requests that go over it.
type wire struct {
	next http.RoundTripper

	mu    sync.Mutex
	calls Calls
}

// wrap is for rest.Config.Wrap.
func (w *wire) wrap(next http.RoundTripper) http.RoundTripper {
	w.next, w.calls = next, make(Calls)
	return w
}

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	call := classify(request)
	w.mu.Lock()
	w.calls[call]++
	w.mu.Unlock()
	return w.next.RoundTrip(request)
}

func (w *wire) counted() Calls {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.calls)
}

// classify reads a request as the API server does (Kubernetes API concepts, "Resource URIs").
func classify(request *http.Request) Call {
	parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/")
	prefix := 2 // api/v1
	if parts[0] == "apis" {
		prefix = 3 // apis/apps/v1
	}
	if len(parts) <= prefix {
		return Call{"get", "discovery"}
	}
	parts = parts[prefix:]
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	call := Call{Verb: verb(request, len(parts) > 1), Resource: parts[0]}
	if len(parts) > 2 {
		call.Resource += "/" + parts[2]
	}
	return call
}

func verb(request *http.Request, named bool) string {
	switch request.Method {
	case http.MethodGet:
		if request.URL.Query().Get("watch") != "" {
			return "watch"
		}
		if named {
			return "get"
		}
		return "list"
	case http.MethodPatch:
		if strings.HasPrefix(request.Header.Get("Content-Type"), "application/apply-patch+") {
			return "apply"
		}
		return "patch"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	}
	return strings.ToLower(request.Method)
}
