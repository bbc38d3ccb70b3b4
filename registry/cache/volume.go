package cache

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// How the lifecycle lays its volume cache out.
const (
	committed     = "committed"
	metadataLabel = "io.buildpacks.lifecycle.cache.metadata" // a file in a volume, a label of an image
	tarSuffix     = ".tar"
)

var layerFile = regexp.MustCompile(`^sha256:[0-9a-f]{64}\.tar$`)

// volume is a directory in which the lifecycle keeps a cache.
type volume string

func (v volume) metadataFile() string { return filepath.Join(string(v), committed, metadataLabel) }

func (v volume) layerFile(diffID v1.Hash) string {
	return filepath.Join(string(v), committed, diffID.String()+tarSuffix)
}

// metadata is empty when there is no cache.
func (v volume) metadata() (string, error) {
	file, err := os.Open(v.metadataFile())
	if os.IsNotExist(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the cache's metadata: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxMetadata+1))
	if err != nil {
		return "", fmt.Errorf("read the cache's metadata: %w", err)
	}
	if len(data) > maxMetadata {
		return "", fmt.Errorf("%w: its metadata has more than %d bytes", ErrTooLarge, maxMetadata)
	}
	return string(data), nil
}

// layers are the ids of the layers, sorted, and the sum of their sizes in bytes.
func (v volume) layers() ([]v1.Hash, int64, error) {
	entries, err := os.ReadDir(filepath.Join(string(v), committed))
	if err != nil {
		return nil, 0, fmt.Errorf("list the cache's layers: %w", err)
	}
	var layers []v1.Hash
	var bytes int64
	for _, entry := range entries {
		if !layerFile.MatchString(entry.Name()) || !entry.Type().IsRegular() {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, 0, fmt.Errorf("list the cache's layers: %w", err)
		}
		hash, err := v1.NewHash(strings.TrimSuffix(entry.Name(), tarSuffix))
		if err != nil {
			return nil, 0, fmt.Errorf("list the cache's layers: %w", err)
		}
		layers, bytes = append(layers, hash), bytes+info.Size()
	}
	slices.SortFunc(layers, func(a, b v1.Hash) int { return strings.Compare(a.Hex, b.Hex) })
	return layers, bytes, nil
}
