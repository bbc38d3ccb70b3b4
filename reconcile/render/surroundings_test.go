package render

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func list(pairs ...string) corev1.ResourceList {
	resources := make(corev1.ResourceList)
	for i := 0; i < len(pairs); i += 2 {
		resources[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return resources
}

func TestSurroundingsGolden(t *testing.T) {
	for name, quota := range map[string]*QuotaClass{
		"surroundings-unbounded": nil,
		"surroundings-bounded": {
			Quota: list("limits.cpu", "16", "limits.memory", "8Gi", "pods", "16", "count/cronjobs.batch", "50"),
			Limits: ContainerLimits{
				Default:        list("cpu", "500m", "memory", "512Mi"),
				DefaultRequest: list("cpu", "150m", "memory", "256Mi"),
				Max:            list("cpu", "3", "memory", "6Gi"),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := Surroundings(Input{Tool: "wiki", Namespace: "tool-wiki", Quota: quota})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, rendered)
			for _, object := range rendered {
				if labels := object.GetLabels(); labels[api.ManagedByLabel] != api.ManagedBy || labels[api.ToolLabel] != "wiki" {
					t.Errorf("%s has the labels %v", object.GetKind(), labels)
				}
			}
		})
	}
}

// What a class does not bound has no object, and no empty list in one.
func TestBoundsLeftOut(t *testing.T) {
	for name, test := range map[string]struct {
		class QuotaClass
		want  []string
	}{
		"nothing":   {QuotaClass{}, nil},
		"namespace": {QuotaClass{Quota: list("pods", "16")}, []string{"ResourceQuota"}},
		"container": {QuotaClass{Limits: ContainerLimits{Max: list("cpu", "3")}}, []string{"LimitRange"}},
	} {
		t.Run(name, func(t *testing.T) {
			rendered, err := Surroundings(Input{Tool: "wiki", Namespace: "tool-wiki", Quota: &test.class})
			if err != nil {
				t.Fatal(err)
			}
			if got := len(rendered) - 2; got != len(test.want) {
				t.Fatalf("%d objects of the class, want %v", got, test.want)
			}
			for i, kind := range test.want {
				if got := rendered[i+2].GetKind(); got != kind {
					t.Errorf("%s, want %s", got, kind)
				}
			}
		})
	}
}
