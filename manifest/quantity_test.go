package manifest

import (
	"math"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"
)

// What is accepted here must mean the same to Kubernetes, and nothing may be accepted that it refuses.
func TestQuantitiesAgreeWithKubernetes(t *testing.T) {
	for _, s := range []string{
		"1", "0.5", ".5", "1.", "500m", "100u", "5n", "1k", "1K", "512M", "3G", "1Gi", "2Ti", "1E", "1E3", "1e3", "1e-3",
		"1.5e+2", "010", "1KI", "1gi", "1 Gi", "1Mi ", "", "1.2.3", "1e", "1e+", "0x10", "1_000", "１", "1GB",
		"12345678901234", "0.000000001",
	} {
		got, ok := parseQuantity(s)
		q, err := resource.ParseQuantity(s)
		if ok != (err == nil) {
			t.Errorf("%q: accepted: %v; Kubernetes: %v", s, ok, err)
		}
		if want := q.AsApproximateFloat64(); ok && math.Abs(got-want) > want*1e-6 {
			t.Errorf("%q: got %g, Kubernetes %g", s, got, want)
		}
	}
}

// Kubernetes reads these as nothing at all; whoever writes them means something else.
func TestQuantitiesNeedDigits(t *testing.T) {
	for _, s := range []string{"Mi", "e3", "-", ".", "+1", "-1"} {
		if got, ok := parseQuantity(s); ok {
			t.Errorf("%q: got %g", s, got)
		}
	}
}

func FuzzQuantity(f *testing.F) {
	for _, s := range []string{"1", "0.5", "500m", "512Mi", "1e3", "1E-2", ".5", "1."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !memoryAmount.within(s) && !cpuAmount.within(s) {
			return
		}
		if _, err := resource.ParseQuantity(s); err != nil {
			t.Errorf("%q is accepted; Kubernetes: %v", s, err)
		}
	})
}
