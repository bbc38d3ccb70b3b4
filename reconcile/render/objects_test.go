package render

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

var update = flag.Bool("update", false, "write the golden files anew")

const (
	digest = "sha256:0000000000000000000000000000000000000000000000000000000000000001"
	image  = "registry.example/tool-wiki/main@" + digest
)

var images = map[string]Image{
	"main":               {Reference: image, Processes: []string{"web", "worker"}},
	"redis":              {Reference: "registry.example/tool-wiki/redis@" + digest},
	"catalog/python3.11": {Reference: "registry.example/images/python@" + digest, Command: "python3 -m http.server $PORT"},
}

// inputs are made of the files testdata/*.yaml, as maintainers write them.
func inputs(t *testing.T) map[string]Input {
	t.Helper()
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]Input)
	for _, file := range files {
		if strings.HasSuffix(file, ".golden.yaml") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		declared, problems := manifest.Parse(data, manifest.Origin{})
		if len(problems) > 0 {
			t.Fatalf("%s: %v", file, problems)
		}
		in := Input{
			Tool: "wiki", Namespace: "tool-wiki", Manifest: declared, Images: images, Domain: "example.org", IngressClass: "local",
			RolloutDeadline: 5 * time.Minute,
		}
		if declared.Webservice != nil {
			in.Hosts = declared.Webservice.Hosts // all of them are granted
		}
		all[strings.TrimSuffix(filepath.Base(file), ".yaml")] = in
	}
	return all
}

func objects(t *testing.T, in Input) []*unstructured.Unstructured {
	t.Helper()
	rendered, err := Objects(in)
	if err != nil {
		t.Fatal(err)
	}
	return rendered
}

func encode(t *testing.T, rendered []*unstructured.Unstructured) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, object := range rendered {
		data, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n")
		all.Write(data)
	}
	return all.Bytes()
}

func TestObjectsGolden(t *testing.T) {
	for name, in := range inputs(t) {
		t.Run(name, func(t *testing.T) {
			golden(t, name, objects(t, in))
		})
	}
}

// golden compares objects with those in a file of testdata.
func golden(t *testing.T, name string, rendered []*unstructured.Unstructured) {
	t.Helper()
	got := encode(t, rendered)
	file := filepath.Join("testdata", name+".golden.yaml")
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./reconcile/render -update writes it)", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("the objects are not as in %s (-want +got):\n%s", file, diff)
	}
}

func TestPure(t *testing.T) {
	for name := range inputs(t) {
		first := encode(t, objects(t, inputs(t)[name]))
		for range 20 {
			if again := encode(t, objects(t, inputs(t)[name])); !bytes.Equal(first, again) {
				t.Fatalf("%s: the same input gives other objects:\n%s", name, cmp.Diff(string(first), string(again)))
			}
		}
	}
}

func TestLabels(t *testing.T) {
	namespace, err := Namespace("tool-wiki", "wiki", &metav1.OwnerReference{APIVersion: "v1", Kind: "Tool", Name: "wiki", UID: "1"})
	if err != nil {
		t.Fatal(err)
	}
	for _, object := range append(objects(t, inputs(t)["everything"]), namespace) {
		labels := object.GetLabels()
		if labels[api.ManagedByLabel] != api.ManagedBy || labels[api.ToolLabel] != "wiki" {
			t.Errorf("%s %s has the labels %v", object.GetKind(), object.GetName(), labels)
		}
		if len(object.GetAnnotations()[HashAnnotation]) != 32 {
			t.Errorf("%s %s has the annotations %v", object.GetKind(), object.GetName(), object.GetAnnotations())
		}
	}
	if got := namespace.GetLabels()["pod-security.kubernetes.io/enforce"]; got != "restricted" {
		t.Errorf("the namespace enforces %q", got)
	}
	if owners := namespace.GetOwnerReferences(); len(owners) != 1 || owners[0].Name != "wiki" {
		t.Errorf("the namespace's owners are %v", owners)
	}
}

// Another image changes the objects that run it, and no other.
func TestChangedImage(t *testing.T) {
	in := inputs(t)["everything"]
	before := objects(t, in)
	in.Images = map[string]Image{"main": {Reference: strings.Replace(image, "1", "2", 1)}}
	for i, after := range objects(t, in) {
		changed := before[i].GetAnnotations()[HashAnnotation] != after.GetAnnotations()[HashAnnotation]
		workload := after.GetKind() == "Deployment" || after.GetKind() == "CronJob"
		if changed != workload {
			t.Errorf("%s %s: hash changed: %t", after.GetKind(), after.GetName(), changed)
		}
	}
}
