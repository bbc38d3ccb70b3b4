package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
)

// builderMetadataLabel describes a builder image (Cloud Native Buildpacks distribution specification, "Builder").
const builderMetadataLabel = "io.buildpacks.builder.metadata"

// Builder is what a builder image says of itself.
type Builder struct {
	// Reference is the image by digest.
	Reference string
	// Buildpacks are the buildpacks in the image.
	Buildpacks []Buildpack
	// PlatformAPIs are the platform APIs that its lifecycle supports, as the image lists them.
	PlatformAPIs []string
	// BuildpackAPIs are the buildpack APIs that its lifecycle supports, those that are deprecated with them.
	BuildpackAPIs []string
	// Lifecycle is the version of its lifecycle, as the image says it.
	Lifecycle string
}

// Buildpack is one buildpack of a builder image.
type Buildpack struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// Builder looks a builder image up. The error is ErrNotFound when the registry does not have it.
func (c *Client) Builder(ctx context.Context, reference string) (Builder, error) {
	digest, config, err := c.image(ctx, reference)
	if err != nil {
		return Builder{}, err
	}
	found, err := readBuilder(config.Config.Labels)
	if err != nil {
		return Builder{}, fmt.Errorf("image %s: %w", reference, err)
	}
	found.Reference = digest.String()
	return found, nil
}

// readBuilder reads what a builder image's labels say.
func readBuilder(labels map[string]string) (Builder, error) {
	label, ok := labels[builderMetadataLabel]
	if !ok {
		return Builder{}, fmt.Errorf("it has no label %s: it is not a builder", builderMetadataLabel)
	}
	type versions struct {
		Supported  []string `json:"supported"`
		Deprecated []string `json:"deprecated"`
	}
	var metadata struct {
		Buildpacks []Buildpack `json:"buildpacks"`
		Lifecycle  struct {
			Version string `json:"version"`
			// API is what images from before the lists have.
			API struct {
				Platform  string `json:"platform"`
				Buildpack string `json:"buildpack"`
			} `json:"api"`
			APIs struct {
				Platform  versions `json:"platform"`
				Buildpack versions `json:"buildpack"`
			} `json:"apis"`
		} `json:"lifecycle"`
	}
	if err := json.Unmarshal([]byte(label), &metadata); err != nil {
		return Builder{}, fmt.Errorf("read label %s: %w", builderMetadataLabel, err)
	}
	lifecycle := metadata.Lifecycle
	offered := func(v versions, only string) []string {
		all := slices.Concat(v.Deprecated, v.Supported)
		if len(all) == 0 && only != "" {
			all = []string{only}
		}
		return all
	}
	return Builder{
		Buildpacks:    metadata.Buildpacks,
		PlatformAPIs:  offered(lifecycle.APIs.Platform, lifecycle.API.Platform),
		BuildpackAPIs: offered(lifecycle.APIs.Buildpack, lifecycle.API.Buildpack),
		Lifecycle:     lifecycle.Version,
	}, nil
}

// Digest returns a reference by digest. The error is ErrNotFound when the registry does not have the image.
func (c *Client) Digest(ctx context.Context, reference string) (string, error) {
	digest, _, err := c.image(ctx, reference)
	if err != nil {
		return "", err
	}
	return digest.String(), nil
}
