package build

import (
	"fmt"
	"sort"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Labels and annotations of a build's pod.
const (
	buildLabel      = "toolforge.org/build"
	keyLabel        = "toolforge.org/build-key"
	attemptLabel    = "toolforge.org/build-attempt"
	orderAnnotation = "toolforge.org/order"
	// cancelledAnnotation says why a build was made to end.
	cancelledAnnotation = "toolforge.org/build-cancelled"
	envAnnotation       = "build-env.toolforge.org/" // and the variable's number
)

// The user of the builder's images, as the Cloud Native Buildpacks platform specification asks for.
const buildUser = 1000

// podName is the same for the same attempt at the same build: a daemon that was killed after it made the pod finds it again.
func podName(r Request, attempt int) string {
	return fmt.Sprintf("%s-%s-%.10s-%d", r.Tool, r.Name, r.Inputs.Key(), attempt)
}

// Pod renders the pod of one attempt at a build. It is pure.
func Pod(c Config, r Request, attempt int) *corev1.Pod {
	c = c.within(r.Limits)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name:      podName(r, attempt),
			Namespace: c.Namespace,
			Labels: map[string]string{
				api.ManagedByLabel: api.ManagedBy,
				api.ComponentLabel: api.BuildComponent,
				api.ToolLabel:      r.Tool,
				buildLabel:         r.Name,
				keyLabel:           r.Inputs.Key(),
				attemptLabel:       strconv.Itoa(attempt),
			},
			Annotations:     map[string]string{orderAnnotation: r.Inputs.Order},
			OwnerReferences: []metav1.OwnerReference{r.Owner},
		},
		Spec: corev1.PodSpec{
			RestartPolicy:                 corev1.RestartPolicyNever,
			ActiveDeadlineSeconds:         ptr.To(int64(c.Timeout.Seconds())),
			TerminationGracePeriodSeconds: ptr.To(int64(2)),
			AutomountServiceAccountToken:  ptr.To(false),
			EnableServiceLinks:            ptr.To(false),
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot:   ptr.To(true),
				RunAsUser:      ptr.To(int64(buildUser)),
				RunAsGroup:     ptr.To(int64(buildUser)),
				FSGroup:        ptr.To(int64(buildUser)),
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
		},
	}
	containers := c.containers(r)
	last := len(containers) - 1
	pod.Spec.InitContainers, pod.Spec.Containers = containers[:last], containers[last:]
	pod.Spec.Volumes = c.volumes(r)
	for i, name := range sortedNames(r.Inputs.Env) {
		pod.Annotations[envAnnotation+fmt.Sprint(i)] = r.Inputs.Env[name]
	}
	return pod
}

// ourDisk is what prepare and export need beside what the build writes: an image of the largest size in layers, and a cache of
// the largest size in layers, in the form in which it is kept, and compressed.
func (c Config) ourDisk() resource.Quantity {
	return *resource.NewQuantity(c.ImageSize.Value()+3*c.CacheSize.Value()+sourceObjects, resource.BinarySI)
}

// sourceObjects is what git's objects of the source may take, in bytes.
const sourceObjects = 1280 << 20

// allDisk is what a build's pod may take.
func (c Config) allDisk() resource.Quantity {
	ours := c.ourDisk()
	return *resource.NewQuantity(ours.Value()+c.Disk.Value()+c.CacheSize.Value(), resource.BinarySI)
}

// volumes are the directories that the containers share, and the credentials that only the trusted ones mount.
func (c Config) volumes(r Request) []corev1.Volume {
	scratch := func(name string, limit resource.Quantity) corev1.Volume {
		return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{SizeLimit: &limit}}}
	}
	volumes := []corev1.Volume{
		scratch(workspaceVolume, c.Disk),
		scratch(layersVolume, c.Disk),
		scratch(tmpVolume, c.Disk),
		scratch(cacheVolume, c.CacheSize),
		scratch(privateVolume, c.ourDisk()),
		scratch(programVolume, resource.MustParse("256Mi")),
		{Name: platformVolume, VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: platformFiles(r)}}},
	}
	secret := func(volume, name string, items ...corev1.KeyToPath) {
		volumes = append(volumes, corev1.Volume{Name: volume, VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: name, Items: items},
		}})
	}
	if r.SecretName != "" {
		secret(repositoryCredentials, r.SecretName)
	}
	if c.RegistrySecret != "" {
		secret(registryCredentials, c.RegistrySecret, corev1.KeyToPath{Key: corev1.DockerConfigJsonKey, Path: "config.json"})
	}
	return volumes
}

// platformFiles puts the build-time environment where the lifecycle looks for it: a file for each variable.
func platformFiles(r Request) []corev1.DownwardAPIVolumeFile {
	annotation := func(path, key string) corev1.DownwardAPIVolumeFile {
		return corev1.DownwardAPIVolumeFile{Path: path, FieldRef: &corev1.ObjectFieldSelector{
			FieldPath: "metadata.annotations['" + key + "']",
		}}
	}
	files := []corev1.DownwardAPIVolumeFile{annotation("order.toml", orderAnnotation)}
	for i, name := range sortedNames(r.Inputs.Env) {
		files = append(files, annotation("env/"+name, envAnnotation+fmt.Sprint(i)))
	}
	return files
}

func sortedNames(env map[string]string) []string {
	names := make([]string, 0, len(env))
	for name := range env {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
