package cluster

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/toolforge/toolforged/localcluster/registry"
)

// sandboxPrograms are the programs in the sandbox image, found beside the
// localcluster binary.
var sandboxPrograms = []string{"pause", "probe"}

// sandboxLayer returns the sandbox image's file system as a tar archive, and
// the image's name, which changes with its content.
func (c Config) sandboxLayer() (layer []byte, image string, err error) {
	var out bytes.Buffer
	archive := tar.NewWriter(&out)
	for _, program := range sandboxPrograms {
		content, err := os.ReadFile(filepath.Join(filepath.Dir(c.Program), program))
		if err != nil {
			return nil, "", fmt.Errorf("reading a program of the sandbox image: %w", err)
		}
		header := &tar.Header{Name: program, Mode: 0o755, Size: int64(len(content))}
		if err := archive.WriteHeader(header); err != nil {
			return nil, "", err
		}
		if _, err := archive.Write(content); err != nil {
			return nil, "", err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(out.Bytes())
	return out.Bytes(), registryInPods + "/localcluster/pause:" + hex.EncodeToString(sum[:6]), nil
}

// keepSandbox puts the sandbox image into the cluster's registry, unless it is there. From there containerd takes it again after the
// kubelet of a node that is nearly full has removed it, as it does with images that no container has.
func (s *starter) keepSandbox(ctx context.Context) error {
	layer, image, err := s.sandboxLayer()
	if err != nil {
		return err
	}
	img, err := sandboxImage(layer)
	if err != nil {
		return fmt.Errorf("making the sandbox image: %w", err)
	}
	account, err := registry.Credentials(s.RegistryCredentials(), []string{s.Registry(), registryInPods})
	if err != nil {
		return err
	}
	tag, err := name.NewTag(s.Registry()+strings.TrimPrefix(image, registryInPods), name.Insecure)
	if err != nil {
		return err
	}
	basic := &authn.Basic{Username: account.User, Password: account.Password}
	if err := remote.Write(tag, img, remote.WithContext(ctx), remote.WithAuth(basic)); err != nil {
		return fmt.Errorf("putting the sandbox image into the registry: %w", err)
	}
	return nil
}

func sandboxImage(layer []byte) (v1.Image, error) {
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer)), nil }
	content, err := tarball.LayerFromOpener(open)
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, content)
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{Entrypoint: []string{"/pause"}, User: "65534:65534"}
	return mutate.ConfigFile(img, config)
}
