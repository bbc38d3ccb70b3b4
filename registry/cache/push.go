package cache

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/sync/errgroup"
)

// Pushed says what Push did.
type Pushed struct {
	Layers int
	Bytes  int64 // of all layers, uncompressed
	// Sent counts the layers that the registry did not have, and SentBytes their compressed bytes.
	Sent      int
	SentBytes int64
}

// Push keeps the cache that the lifecycle left in dir under a reference, instead of what is there. Layers that one of the
// earlier caches of the same repository has are not sent again. Temp is a directory for compressed layers. Without a cache in dir
// nothing is done. The error is ErrTooLarge when it is larger than it may be.
func (c *Client) Push(ctx context.Context, dir, reference string, earlier []string, temp string) (Pushed, error) {
	from := volume(dir)
	metadata, err := from.metadata()
	if err != nil || metadata == "" {
		return Pushed{}, err
	}
	layers, bytes, err := from.layers()
	if err != nil {
		return Pushed{}, err
	}
	pushed := Pushed{Layers: len(layers), Bytes: bytes}
	if bytes > c.maxBytes || len(layers) > maxLayers {
		return pushed, fmt.Errorf("%w: %d layers of %d bytes; at most %d bytes are kept", ErrTooLarge, len(layers), bytes, c.maxBytes)
	}
	ref, err := c.parse(reference)
	if err != nil {
		return pushed, err
	}
	known, err := c.known(ctx, append([]string{reference}, earlier...))
	if err != nil {
		return pushed, err
	}
	image, err := c.pack(ctx, from, layers, metadata, known, temp, &pushed)
	if err != nil {
		return pushed, fmt.Errorf("make cache %s: %w", reference, err)
	}
	if err := remote.Write(ref, image, c.with(ctx)...); err != nil {
		return pushed, fmt.Errorf("write cache %s: %w", reference, err)
	}
	return pushed, nil
}

// known are the layers of earlier caches by the hash of their content.
func (c *Client) known(ctx context.Context, references []string) (map[v1.Hash]v1.Layer, error) {
	known := make(map[v1.Hash]v1.Layer)
	for _, reference := range references {
		ref, err := c.parse(reference)
		if err != nil {
			return nil, err
		}
		image, err := remote.Image(ref, c.with(ctx)...)
		if notFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read cache %s: %w", reference, err)
		}
		layers, err := image.Layers()
		if err != nil {
			return nil, fmt.Errorf("read cache %s: %w", reference, err)
		}
		for _, layer := range layers {
			if id, err := layer.DiffID(); err == nil {
				known[id] = layer
			}
		}
	}
	return known, nil
}

// pack makes the image. The same cache gives the same bytes.
func (c *Client) pack(ctx context.Context, from volume, ids []v1.Hash, metadata string, known map[v1.Hash]v1.Layer, temp string, pushed *Pushed) (v1.Image, error) {
	layers := make([]v1.Layer, len(ids))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for i, id := range ids {
		if layers[i] = known[id]; layers[i] != nil {
			continue
		}
		group.Go(func() error {
			layer, err := compress(ctx, from.layerFile(id), id, temp)
			layers[i] = layer
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, layer := range layers {
		if packed, ok := layer.(*packedLayer); ok {
			pushed.Sent, pushed.SentBytes = pushed.Sent+1, pushed.SentBytes+packed.size
		}
	}
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	image, err := mutate.Config(image, v1.Config{Labels: map[string]string{metadataLabel: metadata}})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(image, layers...)
}
