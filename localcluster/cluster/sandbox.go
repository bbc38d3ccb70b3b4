package cluster

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
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
	return out.Bytes(), "toolforge.local/pause:" + hex.EncodeToString(sum[:6]), nil
}

// importSandbox gives containerd the sandbox image, without a registry.
func (c Config) importSandbox() error {
	layer, image, err := c.sandboxLayer()
	if err != nil {
		return err
	}
	img, err := sandboxImage(layer)
	if err != nil {
		return fmt.Errorf("making the sandbox image: %w", err)
	}
	tag, err := name.NewTag(image)
	if err != nil {
		return err
	}
	file := c.in("run", "pause.tar")
	if err := tarball.WriteToFile(file, tag, img); err != nil {
		return fmt.Errorf("writing the sandbox image: %w", err)
	}
	defer os.Remove(file)
	for _, arguments := range [][]string{
		{"import", file},
		// The kubelet of a node that is nearly full removes every image that no container has, but for those that are pinned; and no
		// registry has this one.
		{"label", image, "io.cri-containerd.pinned=pinned"},
	} {
		cmd := exec.Command("ctr", append([]string{"--address", containerdSocket, "--namespace", "k8s.io", "images"}, arguments...)...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("importing the sandbox image: %w: %s", err, bytes.TrimSpace(out))
		}
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
