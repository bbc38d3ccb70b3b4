package render

import (
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/toolforge/toolforged/manifest"
)

func withProvided(t *testing.T, version string) Input {
	t.Helper()
	in := inputs(t)["secrets"]
	in.Provided = map[string]string{"toolsdb": version}
	return in
}

func named(t *testing.T, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	t.Fatalf("there is no %s %s", kind, name)
	return nil
}

// variable says where a process has a variable from: its value, or SECRET/KEY.
func variable(t *testing.T, object *unstructured.Unstructured, name string) string {
	t.Helper()
	at := slices.IndexFunc(template(t, object).Containers[0].Env, func(e corev1.EnvVar) bool { return e.Name == name })
	if at < 0 {
		return ""
	}
	e := template(t, object).Containers[0].Env[at]
	if e.ValueFrom != nil {
		return e.ValueFrom.SecretKeyRef.Name + "/" + e.ValueFrom.SecretKeyRef.Key
	}
	return e.Value
}

func TestSecretsPrecedence(t *testing.T) {
	in := withProvided(t, "1")
	rendered := objects(t, in)
	var sets []string
	for name, sealed := range SealedSets(in.Manifest) {
		sets = append(sets, name)
		if name != sealed.Name() {
			t.Errorf("set %s is named %s", name, sealed.Name())
		}
	}
	if len(sets) != 2 {
		t.Fatalf("the sets are %v, want one for everybody and one of own-value", sets)
	}
	shared := Sealed{"API_TOKEN": in.Manifest.Secrets["API_TOKEN"].Age}.Name()
	own := sets[0]
	if own == shared {
		own = sets[1]
	}
	for _, want := range []struct{ kind, object, variable, from string }{
		{"Deployment", "webservice", "API_TOKEN", shared + "/API_TOKEN"},
		{"Deployment", "webservice", "DB_PASSWORD", "plain wins here"},
		{"Deployment", "webservice", "OWN", "for everyone"},
		{"Deployment", "same-set", "API_TOKEN", shared + "/API_TOKEN"},
		{"Deployment", "same-set", "DB_PASSWORD", "toolsdb/DB_PASSWORD"},
		{"Deployment", "same-set", "DB_USER", "toolsdb/user"},
		{"CronJob", "own-value", "API_TOKEN", own + "/API_TOKEN"},
		{"CronJob", "own-value", "OWN", own + "/OWN"},
		{"CronJob", "only-provided", "API_TOKEN", "none"},
		{"CronJob", "only-provided", "OWN", "for everyone"},
		{"CronJob", "only-provided", "DB_PASSWORD", "toolsdb/DB_PASSWORD"},
	} {
		if got := variable(t, named(t, rendered, want.kind, want.object), want.variable); got != want.from {
			t.Errorf("%s has %s from %q, want %q", want.object, want.variable, got, want.from)
		}
	}
}

// What others may read depends on what is encrypted and on nothing else.
func TestSecretsByCiphertext(t *testing.T) {
	before := objects(t, withProvided(t, "1"))
	again := objects(t, withProvided(t, "1"))
	if Key(before) != Key(again) {
		t.Error("the same file gives two keys")
	}
	in := withProvided(t, "1")
	in.Manifest.Secrets["API_TOKEN"] = manifest.Secret{Age: strings.Replace(in.Manifest.Secrets["API_TOKEN"].Age, "dG9rZW4=", "ZWxzZQ==", 1)}
	changed := hashes(before)
	for id, hash := range hashes(objects(t, in)) {
		if changed[id] == hash {
			delete(changed, id)
		}
	}
	// The Secret of everybody has another name: the old one is gone.
	want := []string{"Deployment same-set", "Deployment webservice", "Secret " + Sealed{"API_TOKEN": withProvided(t, "").Manifest.Secrets["API_TOKEN"].Age}.Name()}
	if got := slices.Sorted(maps.Keys(changed)); !slices.Equal(got, want) {
		t.Errorf("a changed value changes %v, want %v", got, want)
	}
}

// Another version of a Secret of the platform's restarts what uses it, and nothing else.
func TestProvidedChanges(t *testing.T) {
	before, after := hashes(objects(t, withProvided(t, "1"))), hashes(objects(t, withProvided(t, "2")))
	for id := range before {
		uses := id != "Deployment webservice" && !strings.HasPrefix(id, "Se") && !strings.HasPrefix(id, "Ingress")
		if changed := before[id] != after[id]; changed != uses {
			t.Errorf("%s changed: %t", id, changed)
		}
	}
}

func hashes(objects []*unstructured.Unstructured) map[string]string {
	byID := make(map[string]string)
	for _, object := range objects {
		byID[object.GetKind()+" "+object.GetName()] = object.GetAnnotations()[HashAnnotation]
	}
	return byID
}

// Secrets come first, and without values.
func TestSecretsFirst(t *testing.T) {
	seen := 0
	for i, object := range objects(t, withProvided(t, "1")) {
		if object.GetKind() != "Secret" {
			continue
		}
		seen++
		if i >= 2 || object.Object["data"] != nil || object.Object["stringData"] != nil || object.Object["immutable"] != true {
			t.Errorf("object %d: %v", i, object)
		}
	}
	if seen != 2 {
		t.Errorf("%d Secrets", seen)
	}
}
