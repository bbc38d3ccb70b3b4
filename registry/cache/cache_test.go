package cache_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
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
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/toolforge/toolforged/registry/cache"
)

const (
	metadataName = "io.buildpacks.lifecycle.cache.metadata"
	enough       = 10 << 20
)

// server is a registry on loopback that counts what is sent to it.
type server struct {
	host string
	sent atomic.Int64 // layers and configurations
	ill  atomic.Bool
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{}
	images := memory.New(memory.Logger(log.New(io.Discard, "", 0)))
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.ill.Load() {
			http.Error(w, "out of order", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/blobs/uploads/") {
			s.sent.Add(1)
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(listener.Close)
	s.host = strings.TrimPrefix(listener.URL, "http://")
	return s
}

func newClient(most int64) *cache.Client {
	return cache.NewClient(authn.NewMultiKeychain(), "test", "", most)
}

// volume is a cache as the lifecycle leaves it.
func volume(t *testing.T, metadata string, layers ...string) string {
	t.Helper()
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, "committed", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(metadataName, metadata)
	for _, layer := range layers {
		sum := sha256.Sum256([]byte(layer))
		write("sha256:"+hex.EncodeToString(sum[:])+".tar", layer)
	}
	return dir
}

func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	entries, err := os.ReadDir(filepath.Join(dir, "committed"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, "committed", entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found[entry.Name()] = string(data)
	}
	return found
}

func TestPushAndPull(t *testing.T) {
	s, client := newServer(t), newClient(enough)
	reference := s.host + "/cache/tool-wiki/main:default"
	first := volume(t, `{"first":1}`, strings.Repeat("node_modules ", 1000), "pip")
	pushed, err := client.Push(t.Context(), first, reference, nil, t.TempDir())
	if err != nil || pushed.Layers != 2 || pushed.Sent != 2 || pushed.SentBytes > 1000 {
		t.Fatalf("%+v, %v", pushed, err)
	}
	to := t.TempDir()
	pulled, err := client.Pull(t.Context(), []string{s.host + "/cache/tool-wiki/main:branch", reference}, to)
	if err != nil {
		t.Fatal(err)
	}
	if want := (cache.Pulled{Reference: reference, Layers: 2, Bytes: 13_003}); pulled != want {
		t.Errorf("pulled %+v, want %+v", pulled, want)
	}
	if diff := cmp.Diff(files(t, first), files(t, to)); diff != "" {
		t.Errorf("-pushed +pulled:\n%s", diff)
	}
}

// Of a cache that changed in one layer, one layer is sent, and the configuration; of one that did not change, nothing.
func TestOnlyChangedLayersAreSent(t *testing.T) {
	s, client := newServer(t), newClient(enough)
	reference := s.host + "/cache/tool-wiki/main:default"
	push := func(reference string, earlier []string, layers ...string) (cache.Pushed, int64) {
		t.Helper()
		before := s.sent.Load()
		pushed, err := client.Push(t.Context(), volume(t, "{}", layers...), reference, earlier, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		return pushed, s.sent.Load() - before
	}
	if _, sent := push(reference, nil, "a", "b", "c"); sent != 4 {
		t.Errorf("the first time, %d were sent", sent)
	}
	if pushed, sent := push(reference, nil, "a", "b", "c"); pushed.Sent != 0 || sent != 0 {
		t.Errorf("the same cache: %+v, %d were sent", pushed, sent)
	}
	if pushed, sent := push(reference, nil, "a", "b", "d"); pushed.Sent != 1 || sent != 2 {
		t.Errorf("one layer changed: %+v, %d were sent", pushed, sent)
	}
	if pushed, sent := push(s.host+"/cache/tool-wiki/main:branch", []string{reference}, "a", "b", "e"); pushed.Sent != 1 || sent != 2 {
		t.Errorf("another branch: %+v, %d were sent", pushed, sent)
	}
}

func TestNothingToPushOrPull(t *testing.T) {
	s, client := newServer(t), newClient(enough)
	if pushed, err := client.Push(t.Context(), t.TempDir(), s.host+"/cache:x", nil, t.TempDir()); err != nil || pushed.Layers != 0 {
		t.Errorf("%+v, %v", pushed, err)
	}
	to := t.TempDir()
	if pulled, err := client.Pull(t.Context(), []string{s.host + "/cache:x", s.host + "/cache:y"}, to); err != nil || pulled.Reference != "" {
		t.Errorf("%+v, %v", pulled, err)
	}
	if left := files(t, to); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestTooLarge(t *testing.T) {
	s := newServer(t)
	reference := s.host + "/cache:x"
	large := volume(t, "{}", strings.Repeat("x", 60), strings.Repeat("y", 60))
	if _, err := newClient(100).Push(t.Context(), large, reference, nil, t.TempDir()); !errors.Is(err, cache.ErrTooLarge) {
		t.Errorf("push: %v", err)
	}
	if _, err := newClient(200).Push(t.Context(), large, reference, nil, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if _, err := newClient(100).Pull(t.Context(), []string{reference}, to); !errors.Is(err, cache.ErrTooLarge) {
		t.Errorf("pull: %v", err)
	}
	if _, there := files(t, to)[metadataName]; there {
		t.Error("the lifecycle would take it for a cache")
	}
}

// A layer whose content is not what its name says is not used.
func TestWrongContent(t *testing.T) {
	s := newServer(t)
	layer := lying{static.NewLayer([]byte("poison"), types.OCIUncompressedLayer)}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(s.host + "/cache:x")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if _, err := newClient(enough).Pull(t.Context(), []string{ref.String()}, to); err == nil || !strings.Contains(err.Error(), "its content has the hash") {
		t.Errorf("error %v", err)
	}
	if _, there := files(t, to)[metadataName]; there {
		t.Error("the lifecycle would take it for a cache")
	}
}

type lying struct{ v1.Layer }

func (lying) DiffID() (v1.Hash, error) {
	hash, _, err := v1.SHA256(bytes.NewReader([]byte("something else")))
	return hash, err
}

func TestRegistryFails(t *testing.T) {
	s, client := newServer(t), newClient(enough)
	s.ill.Store(true)
	if _, err := client.Pull(t.Context(), []string{s.host + "/cache:x"}, t.TempDir()); err == nil || !strings.Contains(err.Error(), "cache:x") {
		t.Errorf("pull: %v", err)
	}
	if _, err := client.Push(t.Context(), volume(t, "{}", "a"), s.host+"/cache:x", nil, t.TempDir()); err == nil || !strings.Contains(err.Error(), "cache:x") {
		t.Errorf("push: %v", err)
	}
	if _, err := client.Pull(t.Context(), []string{"No Reference"}, t.TempDir()); err == nil || !strings.Contains(err.Error(), `"No Reference"`) {
		t.Errorf("bad reference: %v", err)
	}
}
