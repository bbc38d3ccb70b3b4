package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// Pulled says what Pull found.
type Pulled struct {
	// Reference is the one that was there; empty when none was.
	Reference string
	Layers    int
	Bytes     int64 // of the layers, uncompressed
}

// Pull puts the first of the caches that is there into dir, a directory that exists and is empty. None being there is no
// error. After an error, ErrTooLarge among them, dir holds nothing that the lifecycle would use.
func (c *Client) Pull(ctx context.Context, references []string, dir string) (Pulled, error) {
	for _, reference := range references {
		ref, err := c.parse(reference)
		if err != nil {
			return Pulled{}, err
		}
		image, err := remote.Image(ref, c.with(ctx)...)
		if notFound(err) {
			continue
		}
		if err != nil {
			return Pulled{}, fmt.Errorf("read cache %s: %w", reference, err)
		}
		pulled, err := c.unpack(ctx, image, volume(dir))
		if err != nil {
			return Pulled{}, fmt.Errorf("read cache %s: %w", reference, err)
		}
		pulled.Reference = reference
		return pulled, nil
	}
	return Pulled{}, nil
}

func (c *Client) with(ctx context.Context) []remote.Option {
	return append([]remote.Option{remote.WithContext(ctx)}, c.options...)
}

func (c *Client) unpack(ctx context.Context, image v1.Image, to volume) (Pulled, error) {
	manifest, err := image.Manifest()
	if err != nil {
		return Pulled{}, err
	}
	if len(manifest.Layers) > maxLayers || manifest.Config.Size > 2*maxMetadata {
		return Pulled{}, fmt.Errorf("%w: %d layers and a configuration of %d bytes", ErrTooLarge, len(manifest.Layers), manifest.Config.Size)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return Pulled{}, err
	}
	layers, err := image.Layers()
	if err != nil {
		return Pulled{}, err
	}
	if err := os.MkdirAll(filepath.Join(string(to), committed), 0o755); err != nil {
		return Pulled{}, err
	}
	var left atomic.Int64
	left.Store(c.maxBytes)
	group, _ := errgroup.WithContext(ctx)
	group.SetLimit(jobs)
	for _, layer := range layers {
		group.Go(func() error { return unpackLayer(layer, to, &left) })
	}
	if err := group.Wait(); err != nil {
		return Pulled{}, err
	}
	// Last: without it there is no cache to the lifecycle.
	if err := os.WriteFile(to.metadataFile(), []byte(config.Config.Labels[metadataLabel]), 0o644); err != nil {
		return Pulled{}, err
	}
	return Pulled{Layers: len(layers), Bytes: c.maxBytes - left.Load()}, nil
}

// unpackLayer writes a layer to its file, and takes its size from what is left.
func unpackLayer(layer v1.Layer, to volume, left *atomic.Int64) error {
	want, err := layer.DiffID()
	if err != nil {
		return err
	}
	content, err := layer.Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	file, err := os.OpenFile(to.layerFile(want), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(file, hash), &counted{content, left}); err != nil {
		return fmt.Errorf("layer %s: %w", want, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want.Hex {
		return fmt.Errorf("layer %s: its content has the hash %s", want, got)
	}
	return file.Close()
}

// counted reads until nothing is left.
type counted struct {
	from io.Reader
	left *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	if c.left.Add(-int64(n)) < 0 {
		return 0, ErrTooLarge
	}
	return n, err
}
