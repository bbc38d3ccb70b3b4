package status_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/status"
)

func TestRoutes(t *testing.T) {
	h := sampleHandler(t)
	for _, test := range []struct {
		target, contentType string
		code                int
		contains            string
	}{
		{"/healthz", "text/plain; charset=utf-8", 200, "ok\n"},
		{"/readyz", "text/plain; charset=utf-8", 200, "ok\n"},
		{"/metrics", "text/plain", 200, "toolforged_build_info"},
		{"/api/v1/tools", "application/json", 200, `"name": "alpha"`},
		{"/api/v1/tools/alpha", "application/json", 200, `"name": "alpha"`},
		{"/api/v1/tools/none", "application/json", 404, "there is no tool of that name"},
		{"/api/v1/tools/Not%20A%2FName", "application/json", 404, "there is no tool of that name"},
		{"/api/v1/tools/", "application/json", 404, "/api/v1/tools"},
		{"/api/v2", "application/json", 404, "/api/v1/tools"},
		{"/api/v1/builders", "application/json", 200, `"name": "bookworm"`},
		{"/api/v1/tools?limit=0", "application/json", 400, "limit must be a number from 1 to 5000"},
		{"/api/v1/tools?limit=5001", "application/json", 400, "limit must be"},
		{"/api/v1/tools?limit=%3Cb%3E", "application/json", 400, "limit must be"},
		{"/", "text/html; charset=utf-8", 200, "<h1>Tools</h1>"},
		{"/tools/alpha", "text/html; charset=utf-8", 200, "<h1>alpha "},
		{"/tools/none", "text/html; charset=utf-8", 404, "There is no tool of that name."},
		{"/tools/..%2Fsecret", "text/html; charset=utf-8", 404, "There is no tool of that name."},
		{"/nothing", "text/html; charset=utf-8", 404, "There is no such page."},
	} {
		t.Run(test.target, func(t *testing.T) {
			w := get(h, test.target)
			if w.Code != test.code || !strings.HasPrefix(w.Header().Get("Content-Type"), test.contentType) {
				t.Errorf("got %d, %s", w.Code, w.Header().Get("Content-Type"))
			}
			if !strings.Contains(w.Body.String(), test.contains) {
				t.Errorf("no %q in\n%s", test.contains, w.Body)
			}
		})
	}
}

func TestEveryAnswerIsLockedDown(t *testing.T) {
	h := sampleHandler(t)
	for _, target := range []string{
		"/", "/tools/zeta", "/nothing", "/healthz", "/readyz", "/metrics", "/api/v1/tools", "/api/v1/none", "//tools//zeta",
	} {
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'sha256-",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-store",
		} {
			if got := get(h, target).Header().Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q", target, name, got)
			}
		}
	}
}

func TestOnlyReads(t *testing.T) {
	h := sampleHandler(t)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW"} {
		for _, target := range []string{"/", "/tools/zeta", "/api/v1/tools", "/metrics", "/healthz", "/nothing"} {
			w := request(h, method, target)
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow: %q", method, target, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}

func TestHeadIsGetWithoutBody(t *testing.T) {
	server := httptest.NewServer(sampleHandler(t))
	defer server.Close()
	for _, path := range []string{"/", "/tools/zeta", "/api/v1/tools", "/healthz"} {
		full, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(full.Body)
		if err != nil {
			t.Fatal(err)
		}
		_ = full.Body.Close()
		head, err := server.Client().Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = head.Body.Close()
		if head.StatusCode != full.StatusCode || head.ContentLength != int64(len(body)) {
			t.Errorf("HEAD %s: %d with length %d, GET has %d", path, head.StatusCode, head.ContentLength, len(body))
		}
	}
}

func TestNotReady(t *testing.T) {
	o := options(t, reader(t))
	o.Ready = func() error { return errReady }
	h := status.New(o)
	w := get(h, "/readyz")
	if want := "not ready: the cache is not filled\n"; w.Code != 503 || w.Body.String() != want {
		t.Errorf("got %d %q, want 503 %q", w.Code, w.Body, want)
	}
	if w := get(h, "/healthz"); w.Code != 200 {
		t.Errorf("healthz answers %d while not ready", w.Code)
	}
}

// broken is a cache that cannot be read.
type broken struct{}

var errBroken = errors.New("secret detail")

func (broken) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errBroken
}
func (broken) List(context.Context, client.ObjectList, ...client.ListOption) error { return errBroken }

func TestBrokenCache(t *testing.T) {
	h := status.New(options(t, broken{}))
	for _, target := range []string{"/", "/tools/zeta", "/api/v1/tools", "/api/v1/tools/zeta", "/api/v1/builders"} {
		w := get(h, target)
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", target, w.Code)
		}
		if body := w.Body.String(); strings.Contains(body, "secret detail") || !strings.Contains(body, "try again") {
			t.Errorf("%s: %s", target, body)
		}
	}
}

func TestServerRefusesLargeHeaders(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := status.Server(listener.Addr().String(), sampleHandler(t), logr.Discard())
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.WriteTimeout <= 0 || server.IdleTimeout <= 0 {
		t.Error("a time is not limited")
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	defer func() {
		_ = server.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	r, err := http.NewRequest("GET", "http://"+server.Addr+"/healthz", bytes.NewReader(nil))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Large", strings.Repeat("x", 64<<10))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("64 KiB of headers: %s", answer.Status)
	}
}
