package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// lifecycleLabel says which layer of an image is what (Cloud Native Buildpacks platform specification, "Layer metadata").
const lifecycleLabel = "io.buildpacks.lifecycle.metadata"

// maxSBOMLayer bounds the layer with the SBOM, in bytes as it is sent.
const maxSBOMLayer = 16 << 20

// SBOM is what the buildpacks of an image wrote of what it holds.
type SBOM struct {
	// Components are what is in the image, sorted by buildpack, layer and name; at most 20 000.
	Components []Component
	// Incomplete tells that there is more than is listed.
	Incomplete bool
	// Silent are the ids of the buildpacks of the image that wrote nothing in the format CycloneDX, in their order.
	Silent []string
	// Unread are sentences about what cannot be read; at most 20.
	Unread []string
}

// Component is one part of an image. No text has more than 1000 bytes.
type Component struct {
	// Buildpack is the id of the one that put it there; Layer is its layer, empty for what is in none of its layers.
	Buildpack, Layer string
	// Type is CycloneDX' word for what it is.
	Type          string
	Name, Version string
	// PURL is its package URL, empty when it has none.
	PURL string
	// Scope is "optional" for what need not be there when the tool runs, as CycloneDX has it; empty for what need.
	Scope string
}

// SBOM reads what is written of an image in the image itself. No other layer than that with it is asked for. The error is
// ErrNotFound when the registry does not have the image.
func (c *Client) SBOM(ctx context.Context, reference string) (SBOM, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	image, digest, config, err := c.open(ctx, reference)
	if err != nil {
		return SBOM{}, err
	}
	manifest, err := image.Manifest()
	if err != nil {
		return SBOM{}, explain(ctx, reference, err)
	}
	buildpacks := buildpackIDs(config.Config.Labels)
	descriptor, err := sbomLayer(manifest, config)
	if err != nil || descriptor == nil {
		return SBOM{Silent: buildpacks}, inImage(reference, err)
	}
	if descriptor.Size > maxSBOMLayer {
		return SBOM{}, fmt.Errorf("image %s has an SBOM of %d bytes; at most %d are read", reference, descriptor.Size, maxSBOMLayer)
	}
	// By its digest alone: the manifest could say that it is somewhere else.
	layer, err := c.puller.Layer(ctx, digest.Context().Digest(descriptor.Digest.String()))
	if err != nil {
		return SBOM{}, explain(ctx, reference, err)
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return SBOM{}, explain(ctx, reference, err)
	}
	defer content.Close()
	found, err := readSBOM(content, buildpacks)
	return found, inImage(reference, err)
}

func inImage(reference string, err error) error {
	if err != nil {
		return fmt.Errorf("read the SBOM of image %s: %w", reference, err)
	}
	return nil
}

// sbomLayer is the layer that the lifecycle says the SBOM is in; nil when it does not name one.
func sbomLayer(manifest *v1.Manifest, config *v1.ConfigFile) (*v1.Descriptor, error) {
	var metadata struct {
		SBOM struct {
			SHA string `json:"sha"`
		} `json:"sbom"`
	}
	label := config.Config.Labels[lifecycleLabel]
	if label == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(label), &metadata); err != nil {
		return nil, fmt.Errorf("read label %s: %w", lifecycleLabel, err)
	}
	if metadata.SBOM.SHA == "" {
		return nil, nil
	}
	at := slices.IndexFunc(config.RootFS.DiffIDs, func(id v1.Hash) bool { return id.String() == metadata.SBOM.SHA })
	if at < 0 || len(manifest.Layers) != len(config.RootFS.DiffIDs) {
		return nil, fmt.Errorf("label %s names a layer that is not in the image", lifecycleLabel)
	}
	return &manifest.Layers[at], nil
}

// buildpackIDs are the ids of the buildpacks that made an image, in order; none when its label does not say.
func buildpackIDs(labels map[string]string) []string {
	var metadata struct {
		Buildpacks []struct {
			ID string `json:"id"`
		} `json:"buildpacks"`
	}
	if err := json.Unmarshal([]byte(labels[buildMetadataLabel]), &metadata); err != nil {
		return nil
	}
	var ids []string
	for _, buildpack := range metadata.Buildpacks[:min(len(metadata.Buildpacks), maxProcesses)] {
		if buildpackID.MatchString(buildpack.ID) {
			ids = append(ids, buildpack.ID)
		}
	}
	return ids
}
