package reconcile

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestOlder(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"9", "10", true},
		{"10", "9", false},
		{"10", "10", false},
		{"18446744073709551614", "18446744073709551615", true},
		{"", "1", false},
		{"1", "", false},
		{"a", "b", false},
	} {
		if got := older(test.a, test.b); got != test.want {
			t.Errorf("older(%q, %q) = %t", test.a, test.b, got)
		}
	}
}

func TestLedger(t *testing.T) {
	object := &unstructured.Unstructured{}
	object.SetAPIVersion("apps/v1")
	object.SetKind("Deployment")
	object.SetNamespace("n")
	object.SetName("a")
	cached := func(version string) *metav1.PartialObjectMetadata {
		metadata := &metav1.PartialObjectMetadata{}
		metadata.SetResourceVersion(version)
		return metadata
	}
	shown := func(l *ledger, c *metav1.PartialObjectMetadata) string {
		if newest := l.newest(object, c); newest != nil {
			return newest.ResourceVersion
		}
		return "none"
	}
	written := object.DeepCopy()
	written.SetResourceVersion("20")
	for _, test := range []struct {
		name   string
		wrote  bool
		forgot bool
		cached *metav1.PartialObjectMetadata
		want   string
	}{
		{"nothing anywhere", false, false, nil, "none"},
		{"in the cache alone", false, false, cached("10"), "10"},
		{"not in the cache yet", true, false, nil, "20"},
		{"the cache is behind", true, false, cached("10"), "20"},
		{"the cache is as new", true, false, cached("20"), "20"},
		{"somebody wrote after", true, false, cached("30"), "30"},
		{"deleted", true, true, nil, "none"},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger(time.Now)
			if test.wrote {
				l.wrote(written)
			}
			if test.forgot {
				l.forget(object)
			}
			if got := shown(l, test.cached); got != test.want {
				t.Errorf("version %s, want %s", got, test.want)
			}
		})
	}
	l := newLedger(time.Now)
	l.wrote(written)
	shown(l, cached("20"))
	if got := shown(l, nil); got != "none" {
		t.Errorf("after the cache caught up, an object that is gone is still shown: %s", got)
	}
}

func TestVersions(t *testing.T) {
	v := newVersions()
	if v.newer("a", "1") {
		t.Error("nothing was written")
	}
	v.set("a", "10")
	if !v.newer("a", "9") || v.newer("b", "9") {
		t.Error("the cache is behind for a, and for no other")
	}
	if v.newer("a", "10") || v.newer("a", "9") {
		t.Error("the cache has caught up, which it does once")
	}
	v.set("a", "20")
	v.forget("a")
	if v.newer("a", "1") {
		t.Error("a forgotten tool is remembered")
	}
}
