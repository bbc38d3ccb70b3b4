package build

import (
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"
)

// The volumes with credentials.
const (
	repositoryCredentials = "repository-credentials"
	registryCredentials   = "registry-credentials"
)

// The volumes that containers share, and where toolforge-build looks for them. What prepare and export share is in private,
// which the build does not have; what they say to it is in program, which it cannot write.
const (
	workspaceVolume = "workspace"
	layersVolume    = "layers"
	cacheVolume     = "cache"
	privateVolume   = "private"
	programVolume   = "toolforge"
	platformVolume  = "platform"
	tmpVolume       = "tmp"
)

// program is the name of the program in all three containers.
const program = "toolforge-build"

// Labels of the image, beside those of the lifecycle.
const (
	revisionLabel = "org.opencontainers.image.revision"
	sourceLabel   = "org.opencontainers.image.source"
	builderLabel  = "toolforge.org/builder"
)

// containers are the build's three containers, in the order in which they run.
func (c Config) containers(r Request) []corev1.Container {
	return []corev1.Container{c.prepare(r), c.build(r), c.export(r)}
}

// prepare is the container that places the source, what the registry says of the image before, and the cache.
func (c Config) prepare(r Request) corev1.Container {
	container := c.ours(r, PhasePrepare, workspaceVolume, layersVolume, cacheVolume, privateVolume, programVolume)
	add := func(args ...string) { container.Args = append(container.Args, args...) }
	add(slices.Clone(c.SourceArgs)...)
	add("-repository="+r.Repository, "-commit="+r.Commit)
	if r.Path != "" {
		add("-path=" + r.Path)
	} else {
		add("-except=toolforge.yaml")
	}
	add("-image="+c.tag(r), "-run-image="+r.RunImage)
	if r.PreviousImage != "" {
		add("-previous-image=" + r.PreviousImage)
	}
	add(c.cacheArgs(r)...)
	if r.SecretName != "" {
		const directory = "/credentials"
		add("-credentials=" + directory)
		container.VolumeMounts = append(container.VolumeMounts,
			corev1.VolumeMount{Name: repositoryCredentials, MountPath: directory, ReadOnly: true})
	}
	return container
}

// build is the container in which a stranger's code runs. It is the builder's image, and has no credential.
func (c Config) build(r Request) corev1.Container {
	container := c.container(PhaseBuild, r.Inputs.Builder, workspaceVolume, layersVolume, cacheVolume, tmpVolume)
	container.Command = []string{path.Join("/", programVolume, program), "run"}
	container.Args = []string{fmt.Sprintf("-disk-bytes=%d", c.Disk.Value())}
	if r.Inputs.Order != "" {
		container.Args = append(container.Args, "-order")
	}
	container.Env = []corev1.EnvVar{platformAPI(r)}
	for _, volume := range []string{programVolume, platformVolume} {
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: "/" + volume, ReadOnly: true})
	}
	return container
}

// export is the container that makes the image of what the build left, and keeps the cache.
func (c Config) export(r Request) corev1.Container {
	container := c.ours(r, PhaseExport, workspaceVolume, layersVolume, privateVolume)
	container.Args = append([]string{"-run-image=" + r.RunImage, fmt.Sprintf("-image-bytes=%d", c.ImageSize.Value())}, c.cacheArgs(r)...)
	for _, label := range []struct{ name, value string }{
		{revisionLabel, r.Commit},
		{sourceLabel, r.Repository},
		{keyLabel, r.Inputs.Key()},
		{builderLabel, r.Inputs.Builder},
	} {
		container.Args = append(container.Args, "-label="+label.name+"="+label.value)
	}
	container.Args = append(container.Args, c.tag(r))
	// The pod as a whole may take as much disk as its containers may together.
	container.Resources.Limits[corev1.ResourceEphemeralStorage] = c.allDisk()
	return container
}

func (c Config) cacheArgs(r Request) []string {
	own, fallback := c.caches(r)
	args := []string{"-cache=" + own, fmt.Sprintf("-cache-bytes=%d", c.CacheSize.Value())}
	if fallback != "" {
		args = append(args, "-cache-fallback="+fallback)
	}
	if c.PlainHTTP != "" {
		args = append(args, "-plain-http="+c.PlainHTTP)
	}
	return args
}

// ours is a container of our image, with the credential of the registry.
func (c Config) ours(r Request, name string, volumes ...string) corev1.Container {
	container := c.container(name, c.ProgramImage, volumes...)
	container.Command = []string{"/" + program, name}
	container.Env = []corev1.EnvVar{platformAPI(r)}
	container.SecurityContext.ReadOnlyRootFilesystem = ptr.To(true)
	if c.RegistrySecret != "" {
		const directory = "/registry-credentials"
		container.Env = append(container.Env, corev1.EnvVar{Name: "DOCKER_CONFIG", Value: directory})
		container.VolumeMounts = append(container.VolumeMounts,
			corev1.VolumeMount{Name: registryCredentials, MountPath: directory, ReadOnly: true})
	}
	return container
}

func platformAPI(r Request) corev1.EnvVar {
	return corev1.EnvVar{Name: "CNB_PLATFORM_API", Value: r.PlatformAPI}
}

// container is what all have in common: bounds, and no privileges. Each volume is at the directory of its name.
func (c Config) container(name, image string, volumes ...string) corev1.Container {
	container := corev1.Container{
		Name:  name,
		Image: image,
		Resources: corev1.ResourceRequirements{
			Requests: corev1.ResourceList{
				corev1.ResourceCPU:              least(c.CPU, "100m"),
				corev1.ResourceMemory:           least(c.Memory, "256Mi"),
				corev1.ResourceEphemeralStorage: least(c.Disk, "1Gi"),
			},
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
	for _, volume := range volumes {
		container.VolumeMounts = append(container.VolumeMounts, corev1.VolumeMount{Name: volume, MountPath: "/" + volume})
	}
	return container
}

// least is what is requested of something of which there may be so much.
func least(limit resource.Quantity, usual string) resource.Quantity {
	if want := resource.MustParse(usual); want.Cmp(limit) < 0 {
		return want
	}
	return limit
}
