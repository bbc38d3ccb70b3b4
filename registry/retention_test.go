package registry_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/toolforge/toolforged/registry"
)

func TestRemove(t *testing.T) {
	s, client := newServer(t), newClient(t)
	image := s.push(t, "tools/tool-wiki/main:one", map[string]string{"a": "b"})
	other := s.push(t, "tools/tool-wiki/main:two", nil)
	behind, err := client.Behind(t.Context(), s.host+"/tools/tool-wiki/main:one")
	if err != nil || !strings.HasSuffix(image, behind.Digest) || behind.Index {
		t.Fatalf("%+v, %v; want %s", behind, err, image)
	}
	if err := client.Remove(t.Context(), image); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Behind(t.Context(), image); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("what was removed: %v", err)
	}
	if err := client.Remove(t.Context(), image); err != nil {
		t.Errorf("once more: %v", err)
	}
	if _, err := client.Behind(t.Context(), other); err != nil {
		t.Errorf("the other image: %v", err)
	}
	if err := client.Remove(t.Context(), s.host+"/tools/tool-wiki/main:two"); err == nil {
		t.Error("a tag alone is taken for a digest")
	}
}

func TestBehindAnIndex(t *testing.T) {
	s, client := newServer(t), newClient(t)
	ref, err := name.ParseReference(s.host + "/tools/several:x")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, empty.Index); err != nil {
		t.Fatal(err)
	}
	if behind, err := client.Behind(t.Context(), ref.String()); err != nil || !behind.Index {
		t.Errorf("%+v, %v", behind, err)
	}
}

func TestRepositories(t *testing.T) {
	s, client := newServer(t), newClient(t)
	for _, repository := range []string{"tools/tool-wiki/main", "tools/cache/tool-wiki/main", "toolsmith/x", "other"} {
		s.push(t, repository+":x", nil)
	}
	for prefix, want := range map[string][]string{
		s.host + "/tools": {"cache/tool-wiki/main", "tool-wiki/main"},
		s.host:            {"other", "tools/cache/tool-wiki/main", "tools/tool-wiki/main", "toolsmith/x"},
	} {
		got, err := client.Repositories(t.Context(), prefix)
		if slices.Sort(got); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", prefix, got, err)
		}
	}
}

// A registry that will never do what is asked is told from one that is in trouble.
func TestUnable(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		unable bool
		says   string
	}{
		"not allowed": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusMethodNotAllowed)
			_, _ = w.Write([]byte(`{"errors": [{"code": "UNSUPPORTED", "message": "The operation is unsupported."}]}`))
		}, true, "it answered 405 Method Not Allowed: The operation is unsupported."},
		"unsupported": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errors": [{"code": "UNSUPPORTED"}]}`))
		}, true, "it answered 400 Bad Request"},
		// Less than the usual thousand at once.
		"no such page": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadRequest) }, false, "answered 400 Bad Request"},
		"denied":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, true, "it answered 403 Forbidden"},
		"trouble":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }, false, "the registry answered 502 Bad Gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/v2/" {
					test.answer(w, r)
				}
			}))
			defer listener.Close()
			host := strings.TrimPrefix(listener.URL, "http://")
			err := newClient(t).Remove(t.Context(), host+"/x@sha256:"+strings.Repeat("0", 64))
			if errors.Is(err, registry.ErrUnable) != test.unable || !strings.Contains(err.Error(), test.says) {
				t.Errorf("remove: %v", err)
			}
			_, err = newClient(t).Repositories(t.Context(), host)
			if errors.Is(err, registry.ErrUnable) != (test.unable || name == "no such page") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("list: %v", err)
			}
		})
	}
}
