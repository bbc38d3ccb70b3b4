package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	rootsFile = RunDir + "/roots"
	// shimSockets is where containerd's shims have their sockets, whatever
	// containerd's own configuration says.
	shimSockets = "/run/containerd/s/"
	// logLinks is where the kubelet links to containers' logs from; the place
	// cannot be changed.
	logLinks = "/var/log/containers"
)

// Prepare makes RunDir and notes there that a cluster with the given root
// directory is about to leave things on this machine.
func Prepare(root string) error {
	if err := os.MkdirAll(RunDir, 0o700); err != nil {
		return fmt.Errorf("making %s: %w", RunDir, err)
	}
	if err := os.WriteFile(rootsFile, []byte(root+"\n"), 0o600); err != nil {
		return fmt.Errorf("noting the cluster's directory: %w", err)
	}
	return nil
}

// Clear removes from this machine whatever a cluster of this project has
// there, be it one with the root directory root or that of another checkout,
// running, killed or half there. What is below a root directory stays.
func Clear(ctx context.Context, root string) error {
	running, err := Roots()
	if err != nil {
		return err
	}
	dirs := clusterDirs(root, running)
	trace := len(running) > 0 || leftBehind()
	if err := stopProcesses(ctx); err != nil {
		return err
	}
	// Everything is tried, so that one thing in the way leaves only itself.
	return errors.Join(
		removeShimSockets(),
		unmountBelow(dirs),
		removeBridge(),
		removeRules(trace),
		removePolicyTable(ctx),
		removeCgroups(),
		removeMentioning(CNIResults, RunDir+"/"),
		removeLinksInto(logLinks, dirs),
		restoreSettings(),
		removeRunDir(),
	)
}

// leftBehind reports whether a cluster was on this machine since its start.
func leftBehind() bool {
	_, noDir := os.Stat(RunDir)
	_, noBridge := net.InterfaceByName(Bridge)
	return noDir == nil || noBridge == nil
}

// clusterDirs are the directories below which mounts are a cluster's: RunDir
// and the root directories known.
func clusterDirs(root string, running []string) []string {
	dirs := append([]string{RunDir, root}, running...)
	noted, err := os.ReadFile(rootsFile)
	if err == nil {
		dirs = append(dirs, strings.Fields(string(noted))...)
	}
	// A root is never taken for more than it is: "/" would be everything.
	dirs = slices.DeleteFunc(dirs, func(d string) bool { return !filepath.IsAbs(d) || filepath.Clean(d) == "/" })
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

// removeShimSockets removes the sockets that dead shims left, which only the
// files in containerd's state directory still name.
func removeShimSockets() error {
	files, err := filepath.Glob(RunDir + "/containerd/io.containerd.runtime.v2.task/*/*/address")
	if err != nil {
		return err
	}
	for _, file := range files {
		address, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("reading a shim's address: %w", err)
		}
		socket := filepath.Clean(strings.TrimPrefix(string(address), "unix://"))
		if !strings.HasPrefix(socket, shimSockets) {
			continue
		}
		if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing a shim's socket: %w", err)
		}
	}
	return nil
}

// removeMentioning removes the files in dir that have what in them.
func removeMentioning(dir, what string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		content, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(content, []byte(what)) {
			continue // not a file, or somebody else's
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}

// removeLinksInto removes the symbolic links in dir that lead below one of
// targets.
func removeLinksInto(dir string, targets []string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		link := filepath.Join(dir, e.Name())
		to, err := os.Readlink(link)
		if err != nil {
			continue // not a link
		}
		below := func(d string) bool { return strings.HasPrefix(to, d+"/") }
		if !slices.ContainsFunc(targets, below) {
			continue
		}
		if err := os.Remove(link); err != nil {
			return err
		}
	}
	return nil
}

// removeRunDir removes RunDir, unless something is still mounted there: then
// removing would reach into what is mounted.
func removeRunDir() error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("listing mounts: %w", err)
	}
	if left := mountsBelow(string(table), []string{RunDir}); len(left) > 0 {
		return fmt.Errorf("still mounted: %v", left)
	}
	return os.RemoveAll(RunDir)
}
