package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/toolforge/toolforged/manifest"
)

// Volume is one of the platform's shared volumes, as the administrator describes it for all tools: `${tool}` in MountPath,
// Source and Env stands for a tool's name, which is a DNS label and so one part of a path.
type Volume struct {
	// Name is a DNS label.
	Name string
	// MountPath is where processes see it: absolute and clean.
	MountPath string
	// ReadOnly tells that no process may write to it.
	ReadOnly bool
	// Source is where the data is.
	Source corev1.PersistentVolumeSource
	// Capacity is what Kubernetes asks for; few sources keep to it.
	Capacity resource.Quantity
	// Env is set for the processes that see it, unless the tool sets the same variables itself.
	Env map[string]string
}

// placeholder stands for the tool's name.
const placeholder = "${tool}"

// CheckPlaceholders finds what looks like a placeholder and is none.
func CheckPlaceholders(text string) error {
	if strings.Contains(strings.ReplaceAll(text, placeholder, ""), "${") {
		return errors.New("`${tool}` is all that is filled in")
	}
	return nil
}

func fill(text, tool string) string { return strings.ReplaceAll(text, placeholder, tool) }

// PersistentVolumeName is the name of a tool's PersistentVolume. Neither a tool's name nor a volume's has a dot: no two tools
// come to the same name.
func PersistentVolumeName(tool, volume string) string { return "tool-" + tool + "." + volume }

// objects are what gives the tool's pods a volume that the restricted Pod Security Standard forbids them to name themselves:
// a PersistentVolume for this tool alone, and the claim that is bound to it. The data outlives both.
func (v Volume) objects(in Input) ([]any, error) {
	spec, err := v.source(in.Tool)
	if err != nil {
		return nil, err
	}
	mode := string(corev1.ReadWriteMany)
	if v.ReadOnly {
		mode = string(corev1.ReadOnlyMany)
	}
	storage := v.Capacity.String()
	maps.Copy(spec, map[string]any{
		"accessModes":                   []any{mode},
		"capacity":                      map[string]any{"storage": storage},
		"persistentVolumeReclaimPolicy": string(corev1.PersistentVolumeReclaimRetain),
		"storageClassName":              "",
		"claimRef":                      map[string]any{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": in.Namespace, "name": v.Name},
	})
	name := PersistentVolumeName(in.Tool, v.Name)
	volume := map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolume", "spec": spec,
		"metadata": map[string]any{"name": name, "labels": in.ownLabels(), "ownerReferences": []any{in.Owner}},
	}
	claim := map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolumeClaim",
		"metadata": map[string]any{"namespace": in.Namespace, "name": v.Name, "labels": in.ownLabels()},
		"spec": map[string]any{
			"accessModes": []any{mode}, "storageClassName": "", "volumeName": name,
			"resources": map[string]any{"requests": map[string]any{"storage": storage}},
		},
	}
	return []any{volume, claim}, nil
}

// source is the volume's source for one tool, by its one key.
func (v Volume) source(tool string) (map[string]any, error) {
	encoded, err := json.Marshal(v.Source)
	if err != nil {
		return nil, fmt.Errorf("encode the source of volume %s: %w", v.Name, err)
	}
	var source map[string]any
	if err := json.Unmarshal([]byte(fill(string(encoded), tool)), &source); err != nil {
		return nil, fmt.Errorf("decode the source of volume %s: %w", v.Name, err)
	}
	return source, nil
}

// mounts are the volumes that a process sees, filled in for the tool.
func (in Input) mounts(run manifest.Run) []Volume {
	if run.Mount != manifest.MountAll {
		return nil
	}
	volumes := make([]Volume, 0, len(in.Volumes))
	for _, volume := range in.Volumes {
		env := make(map[string]string, len(volume.Env))
		for name, value := range volume.Env {
			env[name] = fill(value, in.Tool)
		}
		volume.MountPath, volume.Env = fill(volume.MountPath, in.Tool), env
		volumes = append(volumes, volume)
	}
	return volumes
}

// mount puts the volumes that a process sees into its pod.
func (p process) mount(pod *accorev1.PodSpecApplyConfiguration) *accorev1.PodSpecApplyConfiguration {
	for _, volume := range p.volumes {
		pod.WithVolumes(accorev1.Volume().
			WithName(volume.Name).
			WithPersistentVolumeClaim(accorev1.PersistentVolumeClaimVolumeSource().WithClaimName(volume.Name).WithReadOnly(volume.ReadOnly)))
		for i := range pod.Containers {
			pod.Containers[i].WithVolumeMounts(accorev1.VolumeMount().
				WithName(volume.Name).
				WithMountPath(volume.MountPath).
				WithReadOnly(volume.ReadOnly))
		}
	}
	return pod
}
