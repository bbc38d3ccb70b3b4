package registry_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/registry"
)

func TestArtifacts(t *testing.T) {
	s, client := newServer(t), newClient(t)
	want := registry.Artifact{MediaType: "text/plain+gzip", Data: bytes.Repeat([]byte("x"), 1000), Annotations: map[string]string{"a": "b"}}
	for range 2 {
		if err := client.Keep(t.Context(), s.host+"/cache/tool-wiki/main/logs:key-1", want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := client.Kept(t.Context(), s.host+"/cache/tool-wiki/main/logs:key-1", 1000)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := client.Kept(t.Context(), s.host+"/cache/tool-wiki/main/logs:key-1", 999); err == nil || !strings.Contains(err.Error(), "at most 999") {
		t.Errorf("an artifact that is too large: %v", err)
	}
	if _, err := client.Kept(t.Context(), s.host+"/cache/tool-wiki/main/logs:key-2", 1000); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("an artifact that is not there: %v", err)
	}
	tags, err := client.Tags(t.Context(), s.host+"/cache/tool-wiki/main/logs")
	if err != nil || !cmp.Equal(tags, []string{"key-1"}) {
		t.Errorf("tags %q, %v", tags, err)
	}
	if tags, err := client.Tags(t.Context(), s.host+"/no/repository"); err != nil || len(tags) != 0 {
		t.Errorf("tags of no repository %q, %v", tags, err)
	}
	s.failing.Store(true)
	if err := client.Keep(t.Context(), s.host+"/logs:key", want); err == nil {
		t.Error("a registry that fails keeps an artifact")
	}
	if _, err := client.Tags(t.Context(), s.host+"/logs"); err == nil {
		t.Error("a registry that fails lists tags")
	}
}
