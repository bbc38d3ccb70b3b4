package build

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// secretsSeen lists the Secrets that a container of a pod can read.
func secretsSeen(pod *corev1.Pod, container corev1.Container) []string {
	seen := []string{}
	for _, volume := range pod.Spec.Volumes {
		for _, mount := range container.VolumeMounts {
			if mount.Name != volume.Name {
				continue
			}
			if volume.Secret != nil {
				seen = append(seen, volume.Secret.SecretName)
			}
			if volume.Projected != nil {
				seen = append(seen, "projected "+volume.Name)
			}
		}
	}
	for _, env := range container.Env {
		if env.ValueFrom != nil && env.ValueFrom.SecretKeyRef != nil {
			seen = append(seen, env.ValueFrom.SecretKeyRef.Name)
		}
	}
	for _, from := range container.EnvFrom {
		if from.SecretRef != nil {
			seen = append(seen, from.SecretRef.Name)
		}
	}
	return seen
}

// The containers that run a stranger's code can read no credential, each other only the one it needs.
func TestTrustZones(t *testing.T) {
	pod := variants(t)["secrets"]
	want := map[string][]string{
		PhasePrepare: {"wiki-repository", "registry"},
		PhaseBuild:   {},
		PhaseExport:  {"registry"},
	}
	got := make(map[string][]string)
	for _, container := range containers(pod) {
		got[container.Name] = secretsSeen(pod, container)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("who can read which Secret (-want +got):\n%s", diff)
	}
}

// No file that a container with a credential writes may hold it where a container without one reads: the mounts are
// read-only, and what the phases share is none of them.
func TestCredentialsAreReadOnly(t *testing.T) {
	for _, container := range containers(variants(t)["secrets"]) {
		for _, mount := range container.VolumeMounts {
			secret := mount.Name == repositoryCredentials || mount.Name == registryCredentials
			if secret && !mount.ReadOnly {
				t.Errorf("%s mounts %s to write", container.Name, mount.Name)
			}
		}
	}
}

// The restricted Pod Security Standard, as https://kubernetes.io/docs/concepts/security/pod-security-standards/ lists it.
func TestRestricted(t *testing.T) {
	for name, pod := range variants(t) {
		spec := pod.Spec
		if spec.HostNetwork || spec.HostPID || spec.HostIPC {
			t.Errorf("%s: shares a namespace of the host", name)
		}
		if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
			t.Errorf("%s: has a service account token", name)
		}
		s := spec.SecurityContext
		if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.RunAsUser == nil || *s.RunAsUser == 0 ||
			s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s: security context of the pod: %+v", name, s)
		}
		for _, volume := range spec.Volumes {
			if volume.EmptyDir == nil && volume.Secret == nil && volume.DownwardAPI == nil {
				t.Errorf("%s: volume %s is of another kind: %+v", name, volume.Name, volume)
			}
			if volume.EmptyDir != nil && volume.EmptyDir.SizeLimit == nil {
				t.Errorf("%s: volume %s has no bound", name, volume.Name)
			}
		}
		for _, container := range containers(pod) {
			if !restricted(container.SecurityContext) {
				t.Errorf("%s: security context of %s: %+v", name, container.Name, container.SecurityContext)
			}
			for _, limit := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage} {
				if quantity := container.Resources.Limits[limit]; quantity.IsZero() {
					t.Errorf("%s: %s has no limit of %s", name, container.Name, limit)
				}
			}
		}
	}
}

func restricted(s *corev1.SecurityContext) bool {
	return s != nil && s.AllowPrivilegeEscalation != nil && !*s.AllowPrivilegeEscalation &&
		(s.Privileged == nil || !*s.Privileged) && (s.RunAsUser == nil || *s.RunAsUser != 0) &&
		(s.RunAsNonRoot == nil || *s.RunAsNonRoot) && s.SeccompProfile == nil && s.ProcMount == nil &&
		s.Capabilities != nil && len(s.Capabilities.Add) == 0 &&
		len(s.Capabilities.Drop) == 1 && s.Capabilities.Drop[0] == "ALL"
}

// What runs a stranger's code cannot change the program that it runs by, nor what the platform says to buildpacks, and has nothing
// of what the others say to each other.
func TestBuildCannotReachOthers(t *testing.T) {
	for name, pod := range variants(t) {
		build := pod.Spec.InitContainers[1]
		if build.Name != PhaseBuild {
			t.Fatalf("%s: the second container is %s", name, build.Name)
		}
		got := make(map[string]bool)
		for _, mount := range build.VolumeMounts {
			got[mount.Name] = mount.ReadOnly
		}
		want := map[string]bool{"workspace": false, "layers": false, "cache": false, "tmp": false, "toolforge": true, "platform": true}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: what the build mounts, true for read-only (-want +got):\n%s", name, diff)
		}
		if pod.Spec.ServiceAccountName != "" || *pod.Spec.AutomountServiceAccountToken || *pod.Spec.EnableServiceLinks {
			t.Errorf("%s: service account %q, token %t, links %t", name, pod.Spec.ServiceAccountName, *pod.Spec.AutomountServiceAccountToken,
				*pod.Spec.EnableServiceLinks)
		}
	}
}
