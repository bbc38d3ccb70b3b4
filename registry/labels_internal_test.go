package registry

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// FuzzLabels has builders and buildpackages of strangers read and put together: every label is either refused, or comes out as
// labels that can be read again.
func FuzzLabels(f *testing.F) {
	const builder = `{"buildpacks": [{"id": "a/b", "version": "1"}], "lifecycle": {"apis": {"buildpack": {"supported": ["0.10"]}}}}`
	f.Add(builder, `{"a/b": {"1": {"api": "0.10", "layerDiffID": "sha256:aa"}}}`, `{"c/d": {"2": {"api": "0.10", "layerDiffID": "x"}}}`)
	f.Add(builder, `null`, `{"c/d": {"2": {"api": "0.10", "layerDiffID": "x"}}}`)
	f.Add(builder, `{}`, `{"a/b": {"1": null}}`)
	f.Add(`{"buildpacks": {}}`, `[]`, `{"": {"": {"api": ""}}}`)
	f.Add(`{"lifecycle": {"api": {"platform": "0.3"}}}`, `null`, `{"a/b": null}`)
	f.Fuzz(func(t *testing.T, builderLabel, held, added string) {
		labels := map[string]string{builderMetadataLabel: builderLabel, buildpackLayersLabel: held}
		base, err := mutate.Config(empty.Image, v1.Config{Labels: labels})
		if err != nil {
			t.Skip()
		}
		found, err := readBuilder(labels)
		if err != nil {
			return
		}
		config := &v1.ConfigFile{Config: v1.Config{Labels: map[string]string{buildpackageLabel: "{}", buildpackLayersLabel: added}}}
		p, err := readBuildpackage(empty.Image, v1.Hash{}, config, found.BuildpackAPIs)
		if err != nil {
			return
		}
		config, err = base.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		image, err := extend(base, config, []buildpackage{p})
		if err != nil {
			return
		}
		config, err = image.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := readBuilder(config.Config.Labels); err != nil {
			t.Error(err)
		}
		if _, err := readBuildpackLayers(config.Config.Labels); err != nil {
			t.Error(err)
		}
	})
}
