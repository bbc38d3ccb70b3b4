package build

import (
	"regexp"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"
)

func TestKey(t *testing.T) {
	base := testRequest()
	key := base.Inputs.Key()
	if again := testRequest().Inputs.Key(); again != key {
		t.Errorf("equal inputs have the keys %s and %s", key, again)
	}
	if !regexp.MustCompile(`^[a-z0-9]{32}$`).MatchString(key) {
		t.Errorf("key %q is no tag and no part of a name", key)
	}
	seen := map[string]string{key: "the base"}
	for name, change := range map[string]func(*Inputs){
		"tree":           func(in *Inputs) { in.Tree = "1" },
		"builder":        func(in *Inputs) { in.Builder = "1" },
		"order":          func(in *Inputs) { in.Order = "1" },
		"variable added": func(in *Inputs) { in.Env["B"] = "" },
		"value changed":  func(in *Inputs) { in.Env["A"] = "2" },
		"name changed":   func(in *Inputs) { delete(in.Env, "A"); in.Env["B"] = "1" },
		"no environment": func(in *Inputs) { in.Env = nil },
	} {
		other := base.with(change).Inputs.Key()
		if also, ok := seen[other]; ok {
			t.Errorf("%s: the same key as %s", name, also)
		}
		seen[other] = name
	}
}

func TestPodName(t *testing.T) {
	r := testRequest()
	r.Tool = "a23456789012345678901234567890123456789012345678901b" // the longest name a tool may have
	pod := Pod(testConfig(), r, 100)
	if wrong := validation.IsDNS1123Subdomain(pod.Name); len(wrong) > 0 {
		t.Errorf("%q: %q", pod.Name, wrong)
	}
	for label, value := range pod.Labels {
		if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 {
			t.Errorf("label %s=%s: %q", label, value, wrong)
		}
	}
	if again := Pod(testConfig(), r, 100); again.Name != pod.Name {
		t.Errorf("the same attempt has the names %s and %s", pod.Name, again.Name)
	}
	if next := Pod(testConfig(), r, 101); next.Name == pod.Name {
		t.Errorf("two attempts have the name %s", pod.Name)
	}
}
