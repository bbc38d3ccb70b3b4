package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MakeCgroups makes the control group of the pods in every hierarchy.
func MakeCgroups() error {
	hierarchies, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, h := range hierarchies {
		dir := filepath.Join(h.dir, CgroupRoot)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making a control group: %w", err)
		}
		if err := delegate(h); err != nil {
			return err
		}
	}
	return nil
}

// hierarchy is a mounted tree of control groups.
type hierarchy struct {
	dir     string
	unified bool
}

// delegate hands every controller the unified tree has to the pods' group.
// In the older trees this is so by itself.
func delegate(h hierarchy) error {
	if !h.unified {
		return nil
	}
	controllers, err := os.ReadFile(filepath.Join(h.dir, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("listing controllers: %w", err)
	}
	for name := range strings.FieldsSeq(string(controllers)) {
		for _, dir := range []string{h.dir, filepath.Join(h.dir, CgroupRoot)} {
			file := filepath.Join(dir, "cgroup.subtree_control")
			if err := os.WriteFile(file, []byte("+"+name), 0o644); err != nil {
				return fmt.Errorf("handing the controller %s to the pods: %w", name, err)
			}
		}
	}
	return nil
}

// removeCgroups removes the pods' group from every hierarchy. All processes
// in it have ended already.
func removeCgroups() error {
	hierarchies, err := cgroupMounts()
	if err != nil {
		return err
	}
	for _, h := range hierarchies {
		if err := removeGroup(filepath.Join(h.dir, CgroupRoot)); err != nil {
			return fmt.Errorf("removing a control group: %w", err)
		}
	}
	return nil
}

// removeGroup removes the groups below dir and dir itself. The files in a
// group go with it.
func removeGroup(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroup(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

func cgroupMounts() ([]hierarchy, error) {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("listing mounts: %w", err)
	}
	return parseCgroupMounts(string(table)), nil
}

func parseCgroupMounts(table string) []hierarchy {
	var found []hierarchy
	for line := range strings.Lines(table) {
		before, after, ok := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(kind) < 1 {
			continue
		}
		if kind[0] == "cgroup" || kind[0] == "cgroup2" {
			found = append(found, hierarchy{dir: unescape(fields[4]), unified: kind[0] == "cgroup2"})
		}
	}
	return found
}
