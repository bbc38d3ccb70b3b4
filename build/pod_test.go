package build

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/yaml"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// variants are the kinds of pods there are.
func variants(t *testing.T) map[string]*corev1.Pod {
	t.Helper()
	pods := make(map[string]*corev1.Pod)
	add := func(name string, change func(*Config, *Request)) {
		c, r := testConfig(), testRequest()
		change(&c, &r)
		pod := Pod(c, r, 1)
		pods[name] = pod
	}
	add("plain", func(*Config, *Request) {})
	add("secrets", func(c *Config, r *Request) {
		c.RegistrySecret, r.SecretName = "registry", "wiki-repository"
		c.SourceArgs = []string{"-git-hosts=git.example", "-git-addresses=10.1.0.0/16"}
	})
	add("limits", func(_ *Config, r *Request) {
		r.Limits = &api.BuildLimits{Timeout: &metav1.Duration{Duration: time.Minute}, Memory: ptr.To(resource.MustParse("128Mi")),
			Disk: ptr.To(resource.MustParse("300Mi")), ImageSize: ptr.To(resource.MustParse("20Mi")), CacheSize: ptr.To(resource.MustParse("10Mi"))}
	})
	add("path-order-previous", func(_ *Config, r *Request) {
		r.Branch = "feature/x"
		r.Path, r.Inputs.Order, r.Inputs.Env = "app", "[[order]]\n", nil
		r.PreviousImage = "registry.example/toolforge/tool-wiki/main@sha256:" + hex64("previous")
	})
	return pods
}

func TestPodGolden(t *testing.T) {
	for name, pod := range variants(t) {
		t.Run(name, func(t *testing.T) {
			got, err := yaml.Marshal(pod)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".golden.yaml")
			if *update {
				if err := os.WriteFile(file, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v (go test ./build -update writes it)", err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("the pod is not as in %s (-want +got):\n%s", file, diff)
			}
		})
	}
}

func containers(pod *corev1.Pod) []corev1.Container {
	return append(append([]corev1.Container{}, pod.Spec.InitContainers...), pod.Spec.Containers...)
}

func TestContainerOrder(t *testing.T) {
	var names []string
	for _, container := range containers(variants(t)["plain"]) {
		names = append(names, container.Name)
	}
	want := []string{PhasePrepare, PhaseBuild, PhaseExport}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}
