package registry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	memory "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/toolforge/toolforged/registry"
)

const (
	buildLabel   = "io.buildpacks.build.metadata"
	builderLabel = "io.buildpacks.builder.metadata"
)

// server is a registry on loopback that can be made to fail.
type server struct {
	host    string
	failing atomic.Bool
	// readOnly has it refuse every write.
	readOnly atomic.Bool
	asked    atomic.Int64
	// paths are those that were asked for.
	paths sync.Map
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	images := memory.New(memory.Logger(log.New(io.Discard, "", 0)))
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.asked.Add(1)
		s.paths.Store(r.Method+" "+r.URL.Path, true)
		if s.failing.Load() {
			http.Error(w, "out of order", http.StatusInternalServerError)
			return
		}
		if s.readOnly.Load() && r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "read only", http.StatusUnauthorized)
			return
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	s.host = strings.TrimPrefix(listener.URL, "http://")
	return s
}

// push stores an image with these labels and returns its reference by digest.
func (s *server) push(t *testing.T, repository string, labels map[string]string) string {
	t.Helper()
	image, err := mutate.Config(empty.Image, v1.Config{Labels: labels})
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(s.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return ref.Context().Digest(digest.String()).String()
}

func newClient(t *testing.T) *registry.Client {
	t.Helper()
	client, err := registry.NewClient(authn.NewMultiKeychain(), "test", "")
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestBuilt(t *testing.T) {
	s, client := newServer(t), newClient(t)
	reference := s.push(t, "tool-wiki/main:key", map[string]string{buildLabel: `{"processes":[{"type":"worker"},{"type":"web"}],
		"buildpacks":[{"id":"t/python","version":"1"},{"id":"t/procfile"},{"id":"<x>"}]}`})
	got, err := client.Built(t.Context(), s.host+"/tool-wiki/main:key")
	if err != nil {
		t.Fatal(err)
	}
	want := registry.Built{Reference: reference, Processes: []string{"web", "worker"}, Buildpacks: []string{"t/python", "t/procfile"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBuilder(t *testing.T) {
	s, client := newServer(t), newClient(t)
	reference := s.push(t, "builder:latest", map[string]string{builderLabel: `{
		"buildpacks": [{"id": "toolforge/python", "version": "1.0"}],
		"lifecycle": {"apis": {"platform": {"deprecated": [], "supported": ["0.14", "0.15"]}}}}`})
	got, err := client.Builder(t.Context(), s.host+"/builder:latest")
	if err != nil {
		t.Fatal(err)
	}
	want := registry.Builder{
		Reference:    reference,
		Buildpacks:   []registry.Buildpack{{ID: "toolforge/python", Version: "1.0"}},
		PlatformAPIs: []string{"0.14", "0.15"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	digest, err := client.Digest(t.Context(), s.host+"/builder:latest")
	if err != nil || digest != reference {
		t.Errorf("digest %s, %v; want %s", digest, err, reference)
	}
}

func TestNotFound(t *testing.T) {
	s, client := newServer(t), newClient(t)
	s.push(t, "some/image:tag", nil)
	for _, reference := range []string{"no/repository:tag", "some/image:other", "some/image@sha256:" + strings.Repeat("0", 64)} {
		if _, err := client.Built(t.Context(), s.host+"/"+reference); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("Built(%s): %v", reference, err)
		}
		if _, err := client.Builder(t.Context(), s.host+"/"+reference); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("Builder(%s): %v", reference, err)
		}
		if _, err := client.Digest(t.Context(), s.host+"/"+reference); !errors.Is(err, registry.ErrNotFound) {
			t.Errorf("Digest(%s): %v", reference, err)
		}
	}
}

// Labels of built images are written by strangers.
func TestHostileLabels(t *testing.T) {
	many := make([]string, 10_000)
	for i := range many {
		many[i] = fmt.Sprintf(`{"type":"p%d"}`, i)
	}
	for _, test := range []struct{ name, label, want string }{
		{"none", "", "no buildpacks made it"},
		{"no JSON", "{", "read label " + buildLabel},
		{"another shape", `{"processes": 7}`, "read label " + buildLabel},
		{"too many processes", `{"processes":[` + strings.Join(many, ",") + `]}`, "at most 100"},
		{"long name", `{"processes":[{"type":"` + strings.Repeat("x", 10_000) + `"}]}`, "process type"},
		{"name that is no name", `{"processes":[{"type":"../../bin/sh"}]}`, "process type"},
		{"large configuration", `{"processes":[{"type":"` + strings.Repeat("x", 9<<20) + `"}]}`, "at most 8388608"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, client := newServer(t), newClient(t)
			labels := map[string]string{}
			if test.label != "" {
				labels[buildLabel] = test.label
			}
			s.push(t, "image:tag", labels)
			_, err := client.Built(t.Context(), s.host+"/image:tag")
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), s.host+"/image:tag") {
				t.Fatalf("error %.300v, want one that names the image and says %q", err, test.want)
			}
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func TestNotABuilder(t *testing.T) {
	s, client := newServer(t), newClient(t)
	s.push(t, "image:tag", nil)
	_, err := client.Builder(t.Context(), s.host+"/image:tag")
	if err == nil || !strings.Contains(err.Error(), "it is not a builder") {
		t.Errorf("error %v", err)
	}
}

// A registry that fails is asked once a call, so that no caller is kept waiting, and is used again when it works again.
func TestFailingRegistry(t *testing.T) {
	s, client := newServer(t), newClient(t)
	s.push(t, "image:tag", map[string]string{buildLabel: "{}"})
	s.failing.Store(true)
	before := s.asked.Load()
	_, err := client.Built(t.Context(), s.host+"/image:tag")
	if err == nil || errors.Is(err, registry.ErrNotFound) || !strings.Contains(err.Error(), "image:tag") {
		t.Errorf("error %v", err)
	}
	if asked := s.asked.Load() - before; asked > 2 {
		t.Errorf("it was asked %d times", asked)
	}
	s.failing.Store(false)
	if _, err := client.Built(t.Context(), s.host+"/image:tag"); err != nil {
		t.Errorf("after it works again: %v", err)
	}
}

func TestBadReference(t *testing.T) {
	if _, err := newClient(t).Built(t.Context(), "No Reference"); err == nil || !strings.Contains(err.Error(), `"No Reference"`) {
		t.Errorf("error %v", err)
	}
}

func TestCancelled(t *testing.T) {
	s, client := newServer(t), newClient(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.Built(ctx, s.host+"/image:tag"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}
