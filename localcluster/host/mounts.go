package host

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// BindMount makes source visible at target, both directories, and keeps
// mounts below one from appearing below the other.
func BindMount(source, target string) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("binding %s to %s: %w", source, target, err)
	}
	if err := unix.Mount("", target, "", unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making the mount at %s private: %w", target, err)
	}
	return nil
}

// unmountBelow undoes every mount at or below one of dirs, the last one first.
func unmountBelow(dirs []string) error {
	table, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("listing mounts: %w", err)
	}
	var errs []error
	points := mountsBelow(string(table), dirs)
	for _, point := range slices.Backward(points) {
		// Detaching succeeds also when a dead container's file is still open.
		err := unix.Unmount(point, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
		if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
			errs = append(errs, fmt.Errorf("unmounting %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// mountsBelow reads a table in the form of /proc/self/mountinfo and returns the
// mount points at or below one of dirs, in the table's order.
func mountsBelow(table string, dirs []string) []string {
	var points []string
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := unescape(fields[4])
		below := func(dir string) bool { return strings.HasPrefix(point+"/", dir+"/") }
		if slices.ContainsFunc(dirs, below) {
			points = append(points, point)
		}
	}
	return points
}

// unescape undoes what the kernel does to characters that would break the
// table's form.
func unescape(path string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(path)
}
