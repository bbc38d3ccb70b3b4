package registry

import (
	"bytes"
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Artifact is something else than an image that is kept in a registry as if it were one.
type Artifact struct {
	// MediaType says what Data is.
	MediaType string
	Data      []byte
	// Annotations are shown beside it.
	Annotations map[string]string
}

// Keep stores an artifact under a reference by tag, in the place of what is there. The same artifact is always the same image.
func (c *Client) Keep(ctx context.Context, reference string, a Artifact) error {
	ref, err := c.parse(reference)
	if err != nil {
		return fmt.Errorf("read reference %q: %w", reference, err)
	}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1),
		mutate.Addendum{Layer: static.NewLayer(a.Data, types.MediaType(a.MediaType)), MediaType: types.MediaType(a.MediaType)})
	if err != nil {
		return fmt.Errorf("make artifact %s: %w", reference, err)
	}
	image = mutate.ConfigMediaType(image, types.OCIConfigJSON)
	annotated, ok := mutate.Annotations(image, a.Annotations).(v1.Image)
	if !ok {
		return fmt.Errorf("make artifact %s: it is no image with annotations", reference)
	}
	ctx, cancel := context.WithTimeout(withPause(ctx), requestTimeout)
	defer cancel()
	if err := c.pusher.Push(ctx, ref, annotated); err != nil {
		return explain(ctx, reference, err)
	}
	return nil
}

// Kept reads an artifact of at most so many bytes. The error is ErrNotFound when the registry does not have it.
func (c *Client) Kept(ctx context.Context, reference string, most int64) (Artifact, error) {
	ref, err := c.parse(reference)
	if err != nil {
		return Artifact{}, fmt.Errorf("read reference %q: %w", reference, err)
	}
	ctx, cancel := context.WithTimeout(withPause(ctx), requestTimeout)
	defer cancel()
	descriptor, err := c.puller.Get(ctx, ref)
	if err != nil {
		return Artifact{}, explain(ctx, reference, err)
	}
	manifest, err := v1.ParseManifest(bytes.NewReader(descriptor.Manifest))
	if err != nil || len(manifest.Layers) != 1 {
		return Artifact{}, fmt.Errorf("image %s is no artifact of one layer: %w", reference, err)
	}
	layer := manifest.Layers[0]
	if layer.Size > most {
		return Artifact{}, fmt.Errorf("artifact %s has %d bytes; at most %d are read", reference, layer.Size, most)
	}
	stored, err := c.puller.Layer(ctx, ref.Context().Digest(layer.Digest.String()))
	if err != nil {
		return Artifact{}, explain(ctx, reference, err)
	}
	// What is read is compared with the digest.
	content, err := stored.Compressed()
	if err != nil {
		return Artifact{}, explain(ctx, reference, err)
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, most+1))
	if err != nil {
		return Artifact{}, explain(ctx, reference, err)
	}
	if int64(len(data)) > most {
		return Artifact{}, fmt.Errorf("artifact %s is longer than it says", reference)
	}
	return Artifact{MediaType: string(layer.MediaType), Data: data, Annotations: manifest.Annotations}, nil
}
