package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// packedLayer is a layer whose compressed bytes are in a file.
type packedLayer struct {
	content, packed string // files
	diffID, digest  v1.Hash
	size            int64
}

var _ v1.Layer = (*packedLayer)(nil)

// compress packs a layer once, into a file of temp: its hash must be known before it is sent.
func compress(ctx context.Context, content string, diffID v1.Hash, temp string) (*packedLayer, error) {
	from, err := os.Open(content)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	layer := &packedLayer{content: content, packed: filepath.Join(temp, diffID.Hex+".zst"), diffID: diffID}
	to, err := os.Create(layer.packed)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	hash := sha256.New()
	encoder, err := zstd.NewWriter(io.MultiWriter(to, hash), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(encoder, &cancelled{ctx, from}); err != nil {
		return nil, fmt.Errorf("compress layer %s: %w", diffID, err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("compress layer %s: %w", diffID, err)
	}
	info, err := to.Stat()
	if err != nil {
		return nil, err
	}
	layer.size = info.Size()
	layer.digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hash.Sum(nil))}
	return layer, to.Close()
}

func (l *packedLayer) Digest() (v1.Hash, error)             { return l.digest, nil }
func (l *packedLayer) DiffID() (v1.Hash, error)             { return l.diffID, nil }
func (l *packedLayer) Size() (int64, error)                 { return l.size, nil }
func (l *packedLayer) MediaType() (types.MediaType, error)  { return types.OCILayerZStd, nil }
func (l *packedLayer) Compressed() (io.ReadCloser, error)   { return os.Open(l.packed) }
func (l *packedLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.content) }

// cancelled reads until the context is done.
type cancelled struct {
	ctx  context.Context
	from io.Reader
}

func (c *cancelled) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.from.Read(p)
}
