package networkpolicy

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// readState reads objects from a file in testdata. Each pod's addresses are
// those of its status.
func readState(t *testing.T, name string) state {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var s state
	for document := range bytes.SplitSeq(content, []byte("\n---\n")) {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(document, &kind); err != nil {
			t.Fatal(err)
		}
		switch kind.Kind {
		case "Namespace":
			s.namespaces = append(s.namespaces, parse[corev1.Namespace](t, document))
		case "NetworkPolicy":
			s.policies = append(s.policies, parse[networkingv1.NetworkPolicy](t, document))
		case "Pod":
			p := pod{Pod: parse[corev1.Pod](t, document)}
			for _, ip := range p.Status.PodIPs {
				p.addresses = append(p.addresses, netip.MustParseAddr(ip.IP))
			}
			s.pods = append(s.pods, p)
		default:
			t.Fatalf("%s holds a %q", name, kind.Kind)
		}
	}
	return s
}

func parse[T any](t *testing.T, document []byte) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict(document, object); err != nil {
		t.Fatal(err)
	}
	return object
}
