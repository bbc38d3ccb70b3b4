package build

import (
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
)

// The phases of a build, in order. Each is a container of the build's pod.
const (
	PhaseSource  = "source"
	PhaseAnalyze = "analyze"
	PhaseDetect  = "detect"
	PhaseRestore = "restore"
	PhaseBuild   = "build"
	PhaseExport  = "export"
)

// The volumes with credentials.
const (
	repositoryCredentials = "repository-credentials"
	registryCredentials   = "registry-credentials"
)

// runsRepositoryCode tells whose failures are the repository's own, and who may not hold a credential.
func runsRepositoryCode(phase string) bool { return phase == PhaseDetect || phase == PhaseBuild }

// phases are the build's containers, in the order in which they run.
func (c Config) phases(r Request) []corev1.Container {
	tag, cache := c.tag(r), c.repository(r)+":cache"

	analyze := []string{"-run-image=" + r.RunImage}
	if r.PreviousImage != "" {
		analyze = append(analyze, "-previous-image="+r.PreviousImage)
	}
	// What a buildpack says of why it does not take part is shown at this level only.
	detect := []string{"-log-level=debug", "-app=/workspace", "-platform=/platform"}
	if r.Inputs.Order != "" {
		detect = append(detect, "-order=/platform/order.toml")
	}
	return []corev1.Container{
		c.source(r),
		c.lifecycle(r, PhaseAnalyze, "analyzer", append(analyze, tag)...),
		c.lifecycle(r, PhaseDetect, "detector", detect...),
		c.lifecycle(r, PhaseRestore, "restorer", "-cache-image="+cache),
		c.lifecycle(r, PhaseBuild, "builder", "-app=/workspace", "-platform=/platform"),
		c.lifecycle(r, PhaseExport, "exporter", "-app=/workspace", "-cache-image="+cache, tag),
	}
}

// source is the container that puts the commit's files into /workspace.
func (c Config) source(r Request) corev1.Container {
	container := c.container(PhaseSource, c.SourceImage)
	container.Command = []string{"/toolforge-source"}
	container.Args = append(slices.Clone(c.SourceArgs), "-repository="+r.Repository, "-commit="+r.Commit, "-to=/workspace")
	if r.Path != "" {
		container.Args = append(container.Args, "-path="+r.Path)
	} else {
		container.Args = append(container.Args, "-except=toolforge.yaml")
	}
	container.VolumeMounts = []corev1.VolumeMount{
		{Name: "workspace", MountPath: "/workspace"},
		{Name: "tmp", MountPath: "/tmp"},
	}
	if r.SecretName != "" {
		const directory = "/credentials"
		container.Args = append(container.Args, "-credentials="+directory)
		container.VolumeMounts = append(container.VolumeMounts,
			corev1.VolumeMount{Name: repositoryCredentials, MountPath: directory, ReadOnly: true})
	}
	return container
}

// lifecycle is the container of one of the lifecycle's programs.
func (c Config) lifecycle(r Request, phase, program string, args ...string) corev1.Container {
	container := c.container(phase, r.Inputs.Builder)
	container.Command = []string{path.Join("/cnb/lifecycle", program)}
	container.Args = append([]string{"-no-color"}, args...)
	container.Env = []corev1.EnvVar{{Name: "CNB_PLATFORM_API", Value: r.PlatformAPI}}
	container.VolumeMounts = []corev1.VolumeMount{
		{Name: "workspace", MountPath: "/workspace"},
		{Name: "layers", MountPath: "/layers"},
		{Name: "platform", MountPath: "/platform", ReadOnly: true},
	}
	if runsRepositoryCode(phase) {
		return container
	}
	if c.PlainHTTP != "" {
		container.Args = append([]string{"-insecure-registry=" + c.PlainHTTP}, container.Args...)
	}
	if c.RegistrySecret != "" {
		const directory = "/registry-credentials"
		container.Env = append(container.Env, corev1.EnvVar{Name: "DOCKER_CONFIG", Value: directory})
		container.VolumeMounts = append(container.VolumeMounts,
			corev1.VolumeMount{Name: registryCredentials, MountPath: directory, ReadOnly: true})
	}
	return container
}

// container is what all phases have in common: bounds, and no privileges.
func (c Config) container(name, image string) corev1.Container {
	return corev1.Container{
		Name:  name,
		Image: image,
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("256Mi")},
			Limits: corev1.ResourceList{
				corev1.ResourceCPU:              c.CPU,
				corev1.ResourceMemory:           c.Memory,
				corev1.ResourceEphemeralStorage: c.Disk,
			},
		},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false),
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
	}
}
