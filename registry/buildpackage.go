package registry

import (
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The labels of images that hold buildpacks (Cloud Native Buildpacks distribution specification, "Buildpackage" and "Builder").
const (
	buildpackageLabel    = "io.buildpacks.buildpackage.metadata"
	buildpackLayersLabel = "io.buildpacks.buildpack.layers"
)

// buildpackLayer is what the layers label says of one buildpack. The rest of it is kept as it is.
type buildpackLayer struct {
	API    string `json:"api"`
	DiffID string `json:"layerDiffID"`
	raw    json.RawMessage
}

// buildpackLayers are the buildpacks of an image, by id and version.
type buildpackLayers map[string]map[string]buildpackLayer

func (l *buildpackLayer) UnmarshalJSON(data []byte) error {
	type plain buildpackLayer // without this method
	if err := json.Unmarshal(data, (*plain)(l)); err != nil {
		return fmt.Errorf("read a buildpack's layer: %w", err)
	}
	l.raw = slices.Clone(data)
	return nil
}

func (l buildpackLayer) MarshalJSON() ([]byte, error) { return l.raw, nil }

// readBuildpackLayers reads the label of a builder image or a buildpackage; it is empty where the label is missing.
func readBuildpackLayers(labels map[string]string) (buildpackLayers, error) {
	var layers buildpackLayers
	if label := labels[buildpackLayersLabel]; label != "" {
		if err := json.Unmarshal([]byte(label), &layers); err != nil {
			return nil, fmt.Errorf("read label %s: %w", buildpackLayersLabel, err)
		}
	}
	if layers == nil {
		layers = buildpackLayers{}
	}
	return layers, nil
}

// buildpackage is an image with buildpacks, as `pack buildpack package` makes it.
type buildpackage struct {
	digest v1.Hash
	image  v1.Image
	layers buildpackLayers
}

// readBuildpackage checks that an image is a buildpackage whose buildpacks a lifecycle runs that supports the APIs.
func readBuildpackage(image v1.Image, digest v1.Hash, config *v1.ConfigFile, apis []string) (buildpackage, error) {
	labels := config.Config.Labels
	if _, ok := labels[buildpackageLabel]; !ok {
		return buildpackage{}, fmt.Errorf("it has no label %s: it is not made by \"pack buildpack package\"", buildpackageLabel)
	}
	layers, err := readBuildpackLayers(labels)
	if err != nil {
		return buildpackage{}, err
	}
	if len(layers) == 0 {
		return buildpackage{}, fmt.Errorf("its label %s names no buildpacks", buildpackLayersLabel)
	}
	for id, versions := range layers {
		for version, layer := range versions {
			if !slices.Contains(apis, layer.API) {
				return buildpackage{}, fmt.Errorf("its buildpack %s %s needs the buildpack API %s; the builder's lifecycle speaks %v",
					id, version, layer.API, apis)
			}
		}
	}
	return buildpackage{digest: digest, image: image, layers: layers}, nil
}

// layer is the image's layer with that content.
func (p buildpackage) layer(diffID string) (v1.Layer, error) {
	hash, err := v1.NewHash(diffID)
	if err != nil {
		return nil, fmt.Errorf("read layer id %.100q of label %s: %w", diffID, buildpackLayersLabel, err)
	}
	layer, err := p.image.LayerByDiffID(hash)
	if err != nil {
		return nil, fmt.Errorf("find layer %s: %w", diffID, err)
	}
	return layer, nil
}
