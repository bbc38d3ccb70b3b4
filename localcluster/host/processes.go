package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// grace is how long a process has between SIGTERM and SIGKILL.
const grace = 2 * time.Second

// process is one that belongs to a cluster.
type process struct {
	pid  int
	name string
	// root is the cluster's root directory, empty for what runs in a pod.
	root string
}

// Roots names the root directories of the clusters that have processes now.
func Roots() ([]string, error) {
	found, err := processes("/proc")
	var roots []string
	for _, p := range found {
		if p.root != "" && !slices.Contains(roots, p.root) {
			roots = append(roots, p.root)
		}
	}
	return roots, err
}

// processes finds in the proc file system at dir all that carry the marker or
// are in the cluster's control group.
func processes(dir string) ([]process, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("listing processes: %w", err)
	}
	var found []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		p, ours, err := inspect(filepath.Join(dir, e.Name()), pid)
		if err != nil {
			return nil, fmt.Errorf("looking at process %d: %w", pid, err)
		}
		if ours {
			found = append(found, p)
		}
	}
	return found, nil
}

// inspect reports whether the process described in dir is one of a cluster.
// One that has ended meanwhile is not.
func inspect(dir string, pid int) (p process, ours bool, err error) {
	cgroups, err := readProc(dir, "cgroup")
	if err != nil {
		return p, false, err
	}
	environ, err := readProc(dir, "environ")
	if err != nil {
		return p, false, err
	}
	p = process{pid: pid}
	for variable := range strings.SplitSeq(environ, "\x00") {
		if root, ok := strings.CutPrefix(variable, Marker+"="); ok {
			p.root, ours = root, true
		}
	}
	if !ours && !inCgroup(cgroups) {
		return p, false, nil
	}
	name, err := readProc(dir, "comm")
	p.name = strings.TrimSpace(name)
	return p, true, err
}

// inCgroup reports whether one of the lines of /proc/PID/cgroup is below the
// cluster's control group.
func inCgroup(lines string) bool {
	for line := range strings.Lines(lines) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) == 3 && strings.Contains(fields[2]+"/", "/"+CgroupRoot+"/") {
			return true
		}
	}
	return false
}

func readProc(dir, name string) (string, error) {
	data, err := os.ReadFile(filepath.Join(dir, name))
	gone := errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
	// Root may look at all that this project started; what it may not look at is
	// somebody else's.
	if gone || errors.Is(err, fs.ErrPermission) {
		return "", nil
	}
	return string(data), err
}

// stopProcesses ends every process of every cluster. The cluster's own
// programs are asked first and have a grace to end; pods and the shims that
// hold them are not, for nothing would be left to tell them when to end. It
// looks again until none is left, since one may have started another.
func stopProcesses(ctx context.Context) error {
	asked := map[int]bool{}
	deadline := time.Now().Add(grace)
	for {
		found, err := processes("/proc")
		if err != nil || len(found) == 0 {
			return err
		}
		for _, p := range found {
			late := time.Now().After(deadline)
			if p.root == "" || strings.HasPrefix(p.name, "containerd-shim") || late {
				signal(p.pid, syscall.SIGKILL)
			} else if !asked[p.pid] {
				asked[p.pid] = true
				signal(p.pid, syscall.SIGTERM)
			}
		}
		if time.Now().After(deadline.Add(10 * time.Second)) {
			return fmt.Errorf("processes do not end: %v", found)
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

// signal does not report an error: a process that is gone is what is wanted,
// and one that stays is found by the next look.
func signal(pid int, s syscall.Signal) { _ = syscall.Kill(pid, s) }

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// Runs reports whether pid is a process of the cluster with that root.
func Runs(pid int, root string) bool {
	p, ours, err := inspect(filepath.Join("/proc", strconv.Itoa(pid)), pid)
	return err == nil && ours && p.root == root
}
