package registry_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/toolforge/toolforged/registry"
)

const lifecycleLabel = "io.buildpacks.lifecycle.metadata"

// file is one of a layer.
type file struct{ name, content string }

func tarOf(t *testing.T, files ...file) []byte {
	t.Helper()
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range files {
		header := &tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.content)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// pushWithSBOM stores an image of a layer of the tool's and one with an SBOM, as the lifecycle makes it. It returns the reference
// by digest, and the digest of the tool's layer.
func (s *server) pushWithSBOM(t *testing.T, repository string, packed []byte) (string, v1.Hash) {
	t.Helper()
	tools := static.NewLayer([]byte("the tool's own"), types.OCILayer)
	toolsDigest, err := tools.Digest()
	if err != nil {
		t.Fatal(err)
	}
	sbom, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed)), nil })
	if err != nil {
		t.Fatal(err)
	}
	id, err := sbom.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, tools, sbom)
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.Config(image, v1.Config{Labels: map[string]string{
		buildLabel:     `{"buildpacks": [{"id": "t/python"}, {"id": "t/procfile"}]}`,
		lifecycleLabel: fmt.Sprintf(`{"sbom": {"sha": %q}}`, id),
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
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return ref.Context().Digest(digest.String()).String(), toolsDigest
}

func TestSBOM(t *testing.T) {
	s, client := newServer(t), newClient(t)
	reference, tools := s.pushWithSBOM(t, "tool-wiki/main:key", tarOf(t,
		file{"/layers/sbom/launch/t_python/venv/sbom.cdx.json", `{"bomFormat": "CycloneDX", "components": [
			{"type": "library", "name": "flask", "version": "3.0", "purl": "pkg:pypi/flask@3.0", "licenses": [{}]},
			{"type": "library", "group": "@a", "name": "b", "version": "1", "scope": "optional"}]}`},
		file{"/layers/sbom/launch/t_python/venv/sbom.syft.json", "not read"},
		file{"layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json", `{"bomFormat": "CycloneDX", "components": [
			{"type": "application", "name": "launcher", "version": "0.21.0"}]}`},
		file{"/layers/sbom/launch/other_one/sbom.cdx.json", `{"bomFormat": "CycloneDX", "components": [{"name": "c"}],
			"compositions": [{"aggregate": "incomplete"}]}`},
		file{"/layers/sbom/launch/broken/sbom.cdx.json", `[`},
	))
	got, err := client.SBOM(t.Context(), reference)
	if err != nil {
		t.Fatal(err)
	}
	want := registry.SBOM{
		Components: []registry.Component{
			{Buildpack: "buildpacksio/lifecycle", Layer: "launcher", Type: "application", Name: "launcher", Version: "0.21.0"},
			{Buildpack: "other_one", Name: "c"},
			{Buildpack: "t/python", Layer: "venv", Type: "library", Name: "@a/b", Version: "1", Scope: "optional"},
			{Buildpack: "t/python", Layer: "venv", Type: "library", Name: "flask", Version: "3.0", PURL: "pkg:pypi/flask@3.0"},
		},
		Incomplete: true,
		Silent:     []string{"t/procfile"},
		Unread:     []string{"what broken says cannot be read: it is not JSON as CycloneDX has it: unexpected end of JSON input"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, asked := s.paths.Load("GET /v2/tool-wiki/main/blobs/" + tools.String()); asked {
		t.Error("it asked for the tool's own layer")
	}
}

func TestNoSBOM(t *testing.T) {
	s, client := newServer(t), newClient(t)
	for _, label := range []string{"", "{}", `{"sbom": {}}`} {
		reference := s.push(t, "image:tag", map[string]string{lifecycleLabel: label, buildLabel: `{"buildpacks": [{"id": "t/python"}]}`})
		if got, err := client.SBOM(t.Context(), reference); err != nil || len(got.Components) > 0 || !slices.Equal(got.Silent, []string{"t/python"}) {
			t.Errorf("label %q: %+v, %v", label, got, err)
		}
	}
	if _, err := client.SBOM(t.Context(), s.host+"/image@sha256:"+strings.Repeat("0", 64)); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("an image that is not there: %v", err)
	}
	for _, label := range []string{"{", `{"sbom": {"sha": "sha256:1"}}`, `{"sbom": 7}`} {
		reference := s.push(t, "image:tag", map[string]string{lifecycleLabel: label})
		if got, err := client.SBOM(t.Context(), reference); err == nil {
			t.Errorf("label %q: %+v", label, got)
		}
	}
}

// Layers are written by whatever ran in a build.
func TestHostileSBOM(t *testing.T) {
	const place = "/layers/sbom/launch/t_python/venv/sbom.cdx.json"
	document := func(parts string) string { return `{"bomFormat": "CycloneDX", "components": [` + parts + `]}` }
	many := make([]file, 10_001)
	for i := range many {
		many[i] = file{fmt.Sprintf("/x/%d", i), ""}
	}
	huge := file{"/x", strings.Repeat("x", 33<<20)}
	for _, test := range []struct {
		name   string
		packed []byte
		// wanted is part of the error, or of what is unread; none is a list that is incomplete.
		wanted string
	}{
		{"many files", tarOf(t, many...), "more than 10000 files"},
		{"a bomb", tarOf(t, huge), "more than 33554432 bytes"},
		{"no tar", []byte(strings.Repeat("x", 1024)), "unpack it"},
		{"a large file", tarOf(t, file{place, strings.Repeat(" ", 9<<20)}), "more than 8388608 bytes"},
		{"another format", tarOf(t, file{place, `{"bomFormat": "` + strings.Repeat("x", 100) + `"}`}), "not CycloneDX"},
		{"deep", tarOf(t, file{place, strings.Repeat("[", 1<<20)}), "not JSON"},
		{"another shape", tarOf(t, file{place, document(`7`)}), "one of its components"},
		{"many components", tarOf(t, file{place, document(`{"name":"x"}` + strings.Repeat(`,{"name":"x"}`, 25_000))}), ""},
		{"empty components", tarOf(t, file{place, document("null" + strings.Repeat(",null", 1_000_000))}), ""},
		{"long texts", tarOf(t, file{place, document(`{"name": "` + strings.Repeat("x", 2000) + `"}`)}), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, client := newServer(t), newClient(t)
			reference, _ := s.pushWithSBOM(t, "image:tag", test.packed)
			got, err := client.SBOM(t.Context(), reference)
			said := strings.Join(got.Unread, "\n")
			if err != nil {
				said = err.Error()
			} else if !got.Incomplete || len(got.Components) > 20_000 {
				t.Errorf("%d components, incomplete %v", len(got.Components), got.Incomplete)
			}
			if !strings.Contains(said, test.wanted) || len(said) > 1000 || test.wanted == "" && said != "" {
				t.Errorf("it says %.2000q, want %q", said, test.wanted)
			}
		})
	}
	// Names that lead elsewhere name nothing.
	s, client := newServer(t), newClient(t)
	reference, _ := s.pushWithSBOM(t, "image:tag", tarOf(t,
		file{"/layers/sbom/launch/../../etc/sbom.cdx.json", document(`{"name":"x"}`)},
		file{"/layers/sbom/launch/a\nb/sbom.cdx.json", document(`{"name":"x"}`)},
		file{"/layers/sbom/build/t_python/sbom.cdx.json", document(`{"name":"x"}`)}))
	if got, err := client.SBOM(t.Context(), reference); err != nil || len(got.Components) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// FuzzSBOM checks that whatever a layer holds, what is read of it is bounded.
func FuzzSBOM(f *testing.F) {
	f.Add([]byte(`{"bomFormat": "CycloneDX", "components": [{"name": "a"}, null, {"name": "b", "purl": "\u0000"}]}`), false)
	f.Add([]byte(`{"components": [[], {}]}`), false)
	f.Add(bytes.Repeat([]byte("x"), 1024), true)
	f.Fuzz(func(t *testing.T, content []byte, whole bool) {
		packed := content
		if !whole {
			packed = tarOf(t, file{"/layers/sbom/launch/t_python/venv/sbom.cdx.json", string(content)})
		}
		got, err := registry.ReadSBOM(bytes.NewReader(packed), []string{"t/python"})
		if err != nil {
			if len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			return
		}
		if len(got.Components) > 20_000 || len(got.Unread) > 20 {
			t.Errorf("%d components, %d not read", len(got.Components), len(got.Unread))
		}
		for _, part := range got.Components {
			if part.Name == "" || max(len(part.Name), len(part.Version), len(part.PURL), len(part.Type), len(part.Scope)) > 1000 {
				t.Errorf("a component is %+v", part)
			}
		}
	})
}
