package platform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

// Node is that of the local cluster, whose state is in the directory.
type Node struct{ Directory string }

// pressureEnds is how long the node calls its disk full after it no longer is.
const pressureEnds = "60s"

func (n Node) config() string { return filepath.Join(n.Directory, "config", "kubelet.yaml") }

// usual is the kubelet's configuration as it was.
func (n Node) usual() string { return n.config() + ".usual" }

// FillDisk has the node call its disk full once so many bytes less are free than are now.
func (n Node) FillDisk(ctx context.Context, spare resource.Quantity) error {
	if err := n.MendDisk(ctx); err != nil {
		return err
	}
	data, err := os.ReadFile(n.config())
	if err != nil {
		return fmt.Errorf("read the kubelet's configuration: %w", err)
	}
	var config map[string]any
	if err := yaml.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("read the kubelet's configuration: %w", err)
	}
	eviction, ok := config["evictionHard"].(map[string]any)
	if !ok {
		return errors.New("the kubelet's configuration says nothing of evictions")
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(n.Directory, &disk); err != nil {
		return fmt.Errorf("look how much of the disk is free: %w", err)
	}
	free := int64(disk.Bavail)*disk.Bsize - spare.Value()
	eviction["nodefs.available"] = resource.NewQuantity(free, resource.BinarySI).String()
	config["evictionPressureTransitionPeriod"] = pressureEnds
	changed, err := yaml.Marshal(config)
	if err != nil {
		return fmt.Errorf("write the kubelet's configuration: %w", err)
	}
	if err := os.WriteFile(n.usual(), data, 0o644); err != nil {
		return fmt.Errorf("keep the kubelet's configuration: %w", err)
	}
	if err := os.WriteFile(n.config(), changed, 0o644); err != nil {
		return fmt.Errorf("write the kubelet's configuration: %w", err)
	}
	return n.restart(ctx)
}

// MendDisk ends what FillDisk began, if it did.
func (n Node) MendDisk(ctx context.Context) error {
	err := os.Rename(n.usual(), n.config())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("put the kubelet's configuration back: %w", err)
	}
	return n.restart(ctx)
}

func (n Node) restart(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, filepath.Join(n.Directory, "bin", "localcluster"), "restart", "-root", n.Directory, "kubelet").CombinedOutput()
	if err != nil {
		return fmt.Errorf("restart the kubelet: %w: %s", err, out)
	}
	return nil
}
