package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// settings are the kernel's settings that a cluster changes: routing, and those
// the kubelet sets by itself.
var settings = []string{
	"net/ipv4/ip_forward",
	"vm/overcommit_memory",
	"vm/panic_on_oom",
	"kernel/panic",
	"kernel/panic_on_oops",
	"kernel/keys/root_maxkeys",
	"kernel/keys/root_maxbytes",
}

const savedSettings = RunDir + "/sysctl.json"

// EnableRouting notes the kernel's settings as they are, so that [Clear] can
// put them back, and lets the machine route packets.
func EnableRouting() error {
	before := map[string]string{}
	for _, name := range settings {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("reading a kernel setting: %w", err)
		}
		before[name] = strings.TrimSpace(string(value))
	}
	data, err := json.Marshal(before)
	if err != nil {
		return fmt.Errorf("encoding kernel settings: %w", err)
	}
	if err := os.WriteFile(savedSettings, data, 0o600); err != nil {
		return fmt.Errorf("noting kernel settings: %w", err)
	}
	return setKernel("net/ipv4/ip_forward", "1")
}

// restoreSettings puts back what [EnableRouting] noted.
func restoreSettings() error {
	data, err := os.ReadFile(savedSettings)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the noted kernel settings: %w", err)
	}
	var before map[string]string
	if err := json.Unmarshal(data, &before); err != nil {
		return fmt.Errorf("reading the noted kernel settings in %s: %w", savedSettings, err)
	}
	for _, name := range settings {
		if value, ok := before[name]; ok {
			if err := setKernel(name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

// setKernel writes a setting unless it has that value, for some may be read only.
func setKernel(name, value string) error {
	path := filepath.Join("/proc/sys", name)
	now, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(now)) == value {
		return nil
	}
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return fmt.Errorf("setting the kernel's %s to %s: %w", name, value, err)
	}
	return nil
}
