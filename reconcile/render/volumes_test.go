package render

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

var testVolumes = []Volume{
	{
		Name: "home", MountPath: "/data/project/${tool}", Capacity: resource.MustParse("10Gi"),
		Source: corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.example", Path: "/srv/tools/${tool}"}},
		Env:    map[string]string{"HOME": "/data/project/${tool}", "TOOL_DATA_DIR": "/data/project/${tool}"},
	},
	{
		Name: "dumps", MountPath: "/public/dumps", Capacity: resource.MustParse("1"), ReadOnly: true,
		Source: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/srv/dumps"}},
	},
}

var testOwner = metav1.OwnerReference{APIVersion: "toolforge.org/v1alpha1", Kind: "Tool", Name: "wiki", UID: "1-2-3"}

func TestVolumesGolden(t *testing.T) {
	rendered, err := Surroundings(Input{Tool: "wiki", Namespace: "tool-wiki", Volumes: testVolumes, Owner: testOwner})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "surroundings-volumes", rendered)
	for _, object := range rendered {
		switch object.GetKind() {
		case "PersistentVolume":
			var volume corev1.PersistentVolume
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &volume, true); err != nil {
				t.Error(err)
			}
			if volume.Namespace != "" || len(volume.OwnerReferences) != 1 || volume.OwnerReferences[0].UID != testOwner.UID ||
				volume.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimRetain {
				t.Errorf("%+v", volume)
			}
		case "PersistentVolumeClaim":
			var claim corev1.PersistentVolumeClaim
			if err := runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(object.Object, &claim, true); err != nil {
				t.Error(err)
			}
		}
	}
}

// A process that asks for the volumes sees them, and no other does; one in an image of the platform starts in its home. What the
// tool sets itself wins over what they set.
func TestMountsGolden(t *testing.T) {
	in := inputs(t)["mounts"]
	in.Volumes = testVolumes
	rendered := objects(t, in)
	golden(t, "mounts-with-volumes", rendered)
	for _, object := range rendered {
		spec := template(t, object)
		if spec == nil {
			continue
		}
		env := map[string]string{}
		for _, variable := range spec.Containers[0].Env {
			env[variable.Name] = variable.Value
		}
		want := map[string]struct {
			volumes    int
			home, data string
			directory  string
		}{
			"webservice": {2, "/tmp", "/data/project/wiki", ""}, "nightly": {2, "/tmp", "/elsewhere", ""}, "consumer": {0, "/tmp", "", ""},
			"tidy": {2, "/tmp", "/data/project/wiki", "/data/project/wiki"}, "alone": {0, "/tmp", "", ""},
		}[object.GetName()]
		if len(spec.Volumes) != want.volumes || len(spec.Containers[0].VolumeMounts) != want.volumes ||
			env["HOME"] != want.home || env["TOOL_DATA_DIR"] != want.data || spec.Containers[0].WorkingDir != want.directory {
			t.Errorf("%s: volumes %v, variables %v, directory %q; want %+v", object.GetName(), spec.Volumes, env, spec.Containers[0].WorkingDir, want)
		}
		if slices.ContainsFunc(spec.Volumes, func(v corev1.Volume) bool { return v.PersistentVolumeClaim == nil }) {
			t.Errorf("%s: a volume that the restricted Pod Security Standard forbids: %+v", object.GetName(), spec.Volumes)
		}
	}
}

// No two tools come to the same PersistentVolume, whatever their names and those of the volumes.
func TestPersistentVolumeNames(t *testing.T) {
	if a, b := PersistentVolumeName("a", "b-c"), PersistentVolumeName("a-b", "c"); a == b {
		t.Errorf("both are %s", a)
	}
	if name := PersistentVolumeName(strings.Repeat("x", 52), strings.Repeat("y", 63)); len(name) > 253 {
		t.Errorf("%d characters", len(name))
	}
}
