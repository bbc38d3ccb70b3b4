package render

import (
	"slices"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// The webservice is reached under its own name, and under the hosts that are the tool's: not under whatever the file says.
func TestHosts(t *testing.T) {
	in := inputs(t)["smallest"]
	in.Manifest.Webservice.Hosts = []string{"www.example.net", "anothers.example.net"}
	in.Hosts = []string{"www.example.net"}
	for _, object := range objects(t, in) {
		if object.GetKind() != "Ingress" {
			continue
		}
		var ingress networkingv1.Ingress
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &ingress); err != nil {
			t.Fatal(err)
		}
		var hosts []string
		for _, rule := range ingress.Spec.Rules {
			hosts = append(hosts, rule.Host)
		}
		if want := []string{"wiki.example.org", "www.example.net"}; !slices.Equal(hosts, want) {
			t.Errorf("hosts %v, want %v", hosts, want)
		}
		return
	}
	t.Error("there is no Ingress")
}
