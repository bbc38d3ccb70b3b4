package registry

import (
	"context"
	"encoding/json"
	"fmt"
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
	label, ok := config.Config.Labels[builderMetadataLabel]
	if !ok {
		return Builder{}, fmt.Errorf("image %s has no label %s: it is not a builder", reference, builderMetadataLabel)
	}
	var metadata struct {
		Buildpacks []Buildpack `json:"buildpacks"`
		Lifecycle  struct {
			APIs struct {
				Platform struct {
					Supported []string `json:"supported"`
				} `json:"platform"`
			} `json:"apis"`
		} `json:"lifecycle"`
	}
	if err := json.Unmarshal([]byte(label), &metadata); err != nil {
		return Builder{}, fmt.Errorf("read label %s of image %s: %w", builderMetadataLabel, reference, err)
	}
	return Builder{
		Reference:    digest.String(),
		Buildpacks:   metadata.Buildpacks,
		PlatformAPIs: metadata.Lifecycle.APIs.Platform.Supported,
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
