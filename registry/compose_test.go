package registry_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/toolforge/toolforged/registry"
)

const (
	buildpackageLabel    = "io.buildpacks.buildpackage.metadata"
	buildpackLayersLabel = "io.buildpacks.buildpack.layers"
)

// builderImage is a builder with one buildpack and fields that nobody here knows.
var builderImage = map[string]string{
	builderLabel: `{"description": "kept", "buildpacks": [{"id": "t/python", "version": "1.0", "homepage": "kept"}],
		"lifecycle": {"version": "0.20.11", "apis": {"platform": {"supported": ["0.14"]}, "buildpack": {"deprecated": ["0.9"], "supported": ["0.11"]}}}}`,
	buildpackLayersLabel: `{"t/python": {"1.0": {"api": "0.11", "layerDiffID": "sha256:aaaa", "stacks": [{"id": "kept"}]}}}`,
}

// pushBuildpackage stores an image with one layer, as pack makes it. API is the API of its buildpack.
func (s *server) pushBuildpackage(t *testing.T, repository, id, version, api string) string {
	t.Helper()
	layer := static.NewLayer([]byte("the files of "+id+" "+version), types.OCILayer)
	diffID, err := layer.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{Layer: layer})
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.Config(image, v1.Config{Labels: map[string]string{
		buildpackageLabel:    fmt.Sprintf(`{"id": %q, "version": %q}`, id, version),
		buildpackLayersLabel: fmt.Sprintf(`{%q: {%q: {"api": %q, "layerDiffID": %q, "name": "kept"}}}`, id, version, api, diffID),
	}})
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
	return s.host + "/" + repository
}

func TestCompose(t *testing.T) {
	s, client := newServer(t), newClient(t)
	s.push(t, "builder:latest", builderImage)
	rust := s.pushBuildpackage(t, "other/rust:1", "other/rust", "1.2", "0.9")
	python := s.pushBuildpackage(t, "other/python:2", "t/python", "2.0", "0.11")
	composition := registry.Composition{Builder: s.host + "/builder:latest", Buildpackages: []string{rust, python}, To: s.host + "/builders/bookworm"}
	got, err := client.Compose(t.Context(), composition)
	if err != nil {
		t.Fatal(err)
	}
	want := []registry.Buildpack{{ID: "other/rust", Version: "1.2"}, {ID: "t/python", Version: "2.0"}, {ID: "t/python", Version: "1.0"}}
	if diff := cmp.Diff(want, got.Buildpacks); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Lifecycle != "0.20.11" || !strings.HasPrefix(got.Reference, s.host+"/builders/bookworm@sha256:") {
		t.Errorf("got %+v", got)
	}
	ref, err := name.ParseReference(got.Reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if len(config.RootFS.DiffIDs) != 2 {
		t.Errorf("%d layers, want one for each added buildpack", len(config.RootFS.DiffIDs))
	}
	for label, wanted := range map[string][]string{
		builderLabel:         {`"description":"kept"`, `"homepage":"kept"`},
		buildpackLayersLabel: {`"stacks":[{"id":"kept"}]`, `"other/rust":{"1.2":{`, `"2.0":{`, `"name":"kept"`},
	} {
		for _, part := range wanted {
			if !strings.Contains(config.Config.Labels[label], part) {
				t.Errorf("label %s lacks %s: %s", label, part, config.Config.Labels[label])
			}
		}
	}
	// It is made once.
	s.readOnly.Store(true)
	again, err := client.Compose(t.Context(), composition)
	if err != nil || again.Reference != got.Reference {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	// Without buildpackages the image is used as it is.
	composition.Buildpackages = nil
	plain, err := client.Compose(t.Context(), composition)
	if err != nil || !strings.HasPrefix(plain.Reference, s.host+"/builder@") {
		t.Errorf("without buildpackages: %+v, %v", plain, err)
	}
}

func TestComposeFails(t *testing.T) {
	s, client := newServer(t), newClient(t)
	s.push(t, "builder:latest", builderImage)
	s.push(t, "no/buildpackage:1", nil)
	s.push(t, "no/layers:1", map[string]string{buildpackageLabel: "{}"})
	s.push(t, "bad/layers:1", map[string]string{buildpackageLabel: "{}", buildpackLayersLabel: "["})
	s.push(t, "missing/layer:1", map[string]string{buildpackageLabel: "{}",
		buildpackLayersLabel: `{"x/y": {"1": {"api": "0.11", "layerDiffID": "sha256:` + strings.Repeat("0", 64) + `"}}}`})
	s.push(t, "odd/layer:1", map[string]string{buildpackageLabel: "{}", buildpackLayersLabel: `{"x/y": {"1": {"api": "0.11", "layerDiffID": "../x"}}}`})
	s.pushBuildpackage(t, "new/api:1", "x/new", "1", "0.99")
	for _, test := range []struct{ image, want string }{
		{"no/buildpackage:1", "it is not made by"},
		{"no/layers:1", "names no buildpacks"},
		{"bad/layers:1", "read label"},
		{"missing/layer:1", "find layer"},
		{"odd/layer:1", "read layer id"},
		{"new/api:1", "its buildpack x/new 1 needs the buildpack API 0.99; the builder's lifecycle speaks [0.9 0.11]"},
	} {
		t.Run(test.image, func(t *testing.T) {
			_, err := client.Compose(t.Context(), registry.Composition{
				Builder: s.host + "/builder:latest", Buildpackages: []string{s.host + "/" + test.image}, To: s.host + "/builders/x"})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
	_, err := client.Compose(t.Context(), registry.Composition{
		Builder: s.host + "/builder:latest", Buildpackages: []string{s.host + "/gone:1"}, To: s.host + "/builders/x"})
	if !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("an image that is not there: %v", err)
	}
}
