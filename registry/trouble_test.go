package registry_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/toolforge/toolforged/registry"
)

// What a registry does is told in words; the time for which it asks to be left alone is known.
func TestTrouble(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		says   string
		pause  time.Duration
	}{
		"error": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
				_, _ = w.Write([]byte(`{"errors": [{"code": "UNKNOWN", "message": "the disk\nis full"}]}`))
			},
			"the registry answered 500 Internal Server Error: the disk is full", 0,
		},
		"error without words": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
			"the registry answered 502 Bad Gateway", 0,
		},
		"too many requests": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "90")
				w.WriteHeader(http.StatusTooManyRequests)
			},
			"the registry answered 429 Too Many Requests", 90 * time.Second,
		},
		"until a date": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Date", "Mon, 01 Jun 2026 10:00:00 GMT")
				w.Header().Set("Retry-After", "Mon, 01 Jun 2026 10:02:00 GMT")
				w.WriteHeader(http.StatusServiceUnavailable)
			},
			"the registry answered 503 Service Unavailable", 2 * time.Minute,
		},
		"for ever": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "4000000000")
				w.WriteHeader(http.StatusTooManyRequests)
			},
			"the registry answered 429 Too Many Requests", time.Hour,
		},
		"until something else": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "soon")
				w.WriteHeader(http.StatusTooManyRequests)
			},
			"the registry answered 429 Too Many Requests", 0,
		},
		"no account": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
			"the registry answered 403 Forbidden", 0,
		},
		"reset": {
			func(w http.ResponseWriter, _ *http.Request) {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.(*net.TCPConn).SetLinger(0)
				_ = conn.Close()
			},
			"the registry reset the connection", 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					test.answer(w, r)
				}
			}))
			defer server.Close()
			reference := strings.TrimPrefix(server.URL, "http://") + "/image:tag"
			_, err := newClient(t).Built(t.Context(), reference)
			var trouble *registry.Trouble
			if !errors.As(err, &trouble) || trouble.RetryAfter != test.pause || trouble.Reference != reference {
				t.Fatalf("%#v", err)
			}
			if want := "image " + reference + ": " + test.says; err.Error() != want {
				t.Errorf("%q, not %q", err, want)
			}
		})
	}
}

func TestNobodyThere(t *testing.T) {
	_, err := newClient(t).Built(t.Context(), "127.0.0.1:1/image:tag")
	if err == nil || !strings.Contains(err.Error(), "the registry cannot be asked: ") || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}

// silent is a registry that takes requests and never answers.
type silent struct{}

func (silent) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, err := registry.NewClientWith(silent{}, authn.NewMultiKeychain(), "test", "")
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err = client.Built(t.Context(), "registry.example/image:tag")
		if took := time.Since(begin); took != 30*time.Second {
			t.Errorf("after %s", took)
		}
		if err == nil || err.Error() != "image registry.example/image:tag: the registry did not answer in time" {
			t.Error(err)
		}
	})
}
