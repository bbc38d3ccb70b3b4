package registry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault says which requests go wrong and how. The file of faults holds a list of
// them in JSON and is read anew for each request; the first one that matches is
// what happens.
type Fault struct {
	// Repository is how the names of the repositories begin, such as "tool-x/".
	// What names no repository is never hit.
	Repository string `json:"repository"`
	// Methods are those of HTTP; none for all.
	Methods []string `json:"methods,omitempty"`
	// Delay is waited before anything else, as in "2s".
	Delay string `json:"delay,omitempty"`
	// Status is answered, with Message in the form of a registry's errors, and
	// with the header Retry-After when RetryAfter, in seconds, is above 0. With
	// 0 the request goes on to the registry.
	Status     int    `json:"status,omitempty"`
	Message    string `json:"message,omitempty"`
	RetryAfter int    `json:"retryAfter,omitempty"`
	// Reset has the connection reset in place of an answer.
	Reset bool `json:"reset,omitempty"`
}

// withFaults has the requests go wrong that the file says, in front of next.
func withFaults(file string, next http.Handler) http.Handler {
	if file == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		faults, err := readFaults(file)
		if err != nil {
			answer(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
			return
		}
		at := slices.IndexFunc(faults, func(f Fault) bool { return f.hits(r) })
		if at < 0 || !faults[at].happen(w, r) {
			next.ServeHTTP(w, r)
		}
	})
}

func readFaults(file string) ([]Fault, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var faults []Fault
	if err == nil {
		err = json.Unmarshal(data, &faults)
	}
	for _, f := range faults {
		if _, bad := f.delay(); bad != nil {
			err = bad
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the file of faults: %w", err)
	}
	return faults, nil
}

func (f Fault) delay() (time.Duration, error) {
	if f.Delay == "" {
		return 0, nil
	}
	return time.ParseDuration(f.Delay)
}

func (f Fault) hits(r *http.Request) bool {
	name, ok := strings.CutPrefix(r.URL.Path, "/v2/")
	return ok && name != "" && strings.HasPrefix(name, f.Repository) &&
		(len(f.Methods) == 0 || slices.Contains(f.Methods, r.Method))
}

// happen reports whether the request is answered by it.
func (f Fault) happen(w http.ResponseWriter, r *http.Request) bool {
	if delay, _ := f.delay(); delay > 0 {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
			return true
		}
	}
	if f.Reset {
		reset(w)
		return true
	}
	if f.Status == 0 {
		return false
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	code := "UNKNOWN"
	if f.Status == http.StatusTooManyRequests {
		code = "TOOMANYREQUESTS"
	}
	answer(w, f.Status, code, f.Message)
	return true
}

// reset ends the connection so that its other side is told of an error.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // otherwise it would only be closed
	}
	_ = conn.Close()
}
