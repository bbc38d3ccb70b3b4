package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/toolforge/toolforged/reconcile/render"
)

type writtenVolume struct {
	Name      string            `json:"name"`
	MountPath string            `json:"mountPath"`
	ReadOnly  bool              `json:"readOnly"`
	Source    json.RawMessage   `json:"source"`
	Capacity  resource.Quantity `json:"capacity"`
	Env       map[string]string `json:"env"`
}

// parsedVolume is a volume and what it must not clash with.
type parsedVolume struct{ render.Volume }

func (v parsedVolume) clashes(other render.Volume) bool {
	within := func(a, b string) bool { return a == b || strings.HasPrefix(a, b+"/") }
	return v.Name == other.Name || within(v.MountPath, other.MountPath) || within(other.MountPath, v.MountPath)
}

// maxVolumeName leaves room for a tool's name in that of a PersistentVolume.
const maxVolumeName = 63

// environmentName is the portable form of POSIX (XBD 8.1), with lower case allowed.
var environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (w writtenVolume) volume() (parsedVolume, error) {
	v := parsedVolume{render.Volume{
		Name: w.Name, MountPath: w.MountPath, ReadOnly: w.ReadOnly, Capacity: w.Capacity, Env: w.Env,
	}}
	switch {
	case len(validation.IsDNS1123Label(w.Name)) > 0:
		return v, fmt.Errorf("a name is at most %d lower-case letters, digits and hyphens", maxVolumeName)
	case !path.IsAbs(w.MountPath) || path.Clean(w.MountPath) != w.MountPath || w.MountPath == "/" || strings.Contains(w.MountPath, ":"):
		return v, fmt.Errorf("mountPath is %q: it must be an absolute path such as /data/project", w.MountPath)
	case w.Capacity.Sign() <= 0:
		return v, errors.New("capacity is missing: it must be a quantity such as 10Gi, also where the source does not keep to it")
	}
	if err := render.CheckPlaceholders(w.MountPath); err != nil {
		return v, fmt.Errorf("mountPath is %q: %w", w.MountPath, err)
	}
	for name, value := range w.Env {
		if !environmentName.MatchString(name) {
			return v, fmt.Errorf("env: %q is no name for an environment variable", name)
		}
		if err := render.CheckPlaceholders(value); err != nil {
			return v, fmt.Errorf("env: %s is %q: %w", name, value, err)
		}
	}
	return v, v.source(w.Source)
}

// source reads the source as Kubernetes writes that of a PersistentVolume: one key, such as `nfs`, and what is below it.
func (v *parsedVolume) source(written json.RawMessage) error {
	if err := render.CheckPlaceholders(string(written)); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(written))
	decoder.DisallowUnknownFields()
	if len(written) > 0 {
		if err := decoder.Decode(&v.Source); err != nil {
			return fmt.Errorf("source: %w", err)
		}
	}
	// What is left out of the file is left out again.
	again, err := json.Marshal(v.Source)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	var kinds map[string]json.RawMessage
	if err := json.Unmarshal(again, &kinds); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if len(kinds) != 1 {
		return fmt.Errorf("source must have one key, as a PersistentVolume has it, such as nfs, cephfs, csi or hostPath; it has %d", len(kinds))
	}
	return nil
}
