package directory

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func TestParse(t *testing.T) {
	const whole = `name: wikibento
repository: https://forge.example/wikibento.git
ref: "1234567"
interval: 60s
suspend: true
quota_class: large
hosts: [www.example.org]
secret_ref: {name: wikibento-git}
verify:
  keys:
    - ssh-ed25519 AAAA ann
adopt_namespace: true
`
	file := Parse("tools/wikibento.yaml", []byte(whole))
	if len(file.Problems) > 0 || file.Tool != "wikibento" {
		t.Fatalf("tool %q, problems %v", file.Tool, file.Problems)
	}
	var spec api.ToolSpec
	decoder := json.NewDecoder(strings.NewReader(file.Spec))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&spec); err != nil {
		t.Fatal(err)
	}
	want := api.ToolSpec{Repository: "https://forge.example/wikibento.git", Ref: "1234567", Suspend: true, QuotaClass: "large",
		Hosts: []string{"www.example.org"}, SecretRef: &api.SecretReference{Name: "wikibento-git"}, AdoptNamespace: true,
		Verify: &api.Verify{Keys: []string{"ssh-ed25519 AAAA ann"}}}
	want.Interval.Duration = 60e9
	if diff := cmp.Diff(want, spec); diff != "" {
		t.Error(diff)
	}
	for field, place := range map[string][2]int{
		"spec.repository": {2, 13}, "spec.hosts[0]": {7, 9}, "spec.hosts[7].x": {7, 8}, "spec.verify.keys[0]": {11, 7}, "spec.nothing": {1, 1}, "metadata.name": {1, 1},
	} {
		if line, column := file.Place(field); line != place[0] || column != place[1] {
			t.Errorf("%s is at %d:%d; want %v", field, line, column, place)
		}
	}
}

// Every field of a Tool's spec can be written in a directory: a new one of a type that cannot fails here.
func TestEveryFieldCanBeWritten(t *testing.T) {
	var walk func(at string, of reflect.Type)
	walk = func(at string, of reflect.Type) {
		if of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		switch of.Kind() {
		case reflect.String, reflect.Bool, reflect.Int, reflect.Int32, reflect.Int64:
		case reflect.Struct:
			for i := range of.NumField() {
				if of.String() != "v1.Duration" {
					walk(at+"."+of.Field(i).Name, of.Field(i).Type)
				}
			}
		default:
			t.Errorf("%s is of type %s, which value does not know", at, of)
		}
	}
	walk("spec", reflect.TypeFor[api.ToolSpec]())
}

func TestWrongFiles(t *testing.T) {
	const url = "repository: https://forge.example/a.git\n"
	for name, test := range map[string]struct {
		path, text, tool string
		line, column     int
		want             string
	}{
		"unknown key":     {"tools/a.yaml", url + "quotaclass: large\n", "a", 2, 1, "unknown key `quotaclass`: did you mean `quota_class`?"},
		"another name":    {"tools/a.yaml", "name: b\n" + url, "a", 1, 7, "`name` is \"b\": it must be the file's name, \"a\", or be left out"},
		"no repository":   {"tools/a.yaml", "ref: main\n", "a", 1, 1, "`repository` is missing"},
		"wrong URL":       {"tools/a.yaml", "repository: forge.example/a.git\n", "a", 1, 13, "`repository`:"},
		"wrong ref":       {"tools/a.yaml", url + "ref: a..b\n", "a", 2, 6, "`ref`:"},
		"a number":        {"tools/a.yaml", url + "ref: 1234567\n", "a", 2, 6, "`ref` must be text; found the number 1234567: if that is the text, put it in quotes"},
		"interval":        {"tools/a.yaml", url + "interval: 5\n", "a", 2, 11, "`interval` must be a time of at least 1s"},
		"too often":       {"tools/a.yaml", url + "interval: 10ms\n", "a", 2, 11, "`interval` must be a time of at least 1s"},
		"twice":           {"tools/a.yaml", url + url, "a", 2, 1, "`repository` is set twice"},
		"no list":         {"tools/a.yaml", url + "hosts: a.example\n", "a", 2, 8, "`hosts` must be a list; found \"a.example\""},
		"nested":          {"tools/a.yaml", url + "secret_ref: {nme: x}\n", "a", 2, 14, "unknown key `nme`: did you mean `name`?"},
		"no YAML":         {"tools/a.yaml", url + "\thosts: []\n", "a", 2, 1, "this line is indented with a tab: use spaces"},
		"empty":           {"tools/a.yaml", "# nothing\n", "a", 1, 1, "the file is empty"},
		"a list":          {"tools/a.yaml", "- a\n", "a", 1, 1, "the file must be a mapping"},
		"an object":       {"tools/a.yaml", "apiVersion: toolforge.org/v1alpha1\nkind: Tool\nspec: {repository: x}\n", "a", 1, 1, "this is a Kubernetes object: write the keys of its `spec` here"},
		"two documents":   {"tools/a.yaml", url + "---\n" + url, "a", 2, 1, "second document"},
		"capitals":        {"tools/Wiki_Bento.yaml", url, "", 0, 0, "the file's name must be the tool's"},
		"another ending":  {"tools/a.yml", url, "a", 0, 0, "the file's name must end in .yaml"},
		"yet another one": {"tools/a.example.yaml", url, "a", 0, 0, "the file's name must end in .yaml"},
	} {
		file := Parse(test.path, []byte(test.text))
		if len(file.Problems) == 0 || file.Spec != "" {
			t.Errorf("%s: taken as %s", name, file.Spec)
			continue
		}
		p := file.Problems[0]
		if p.File != test.path || p.Line != test.line || p.Column != test.column || !strings.HasPrefix(p.Message, test.want) && !strings.Contains(p.Message, test.want) || file.Tool != test.tool {
			t.Errorf("%s: tool %q, %s:%d:%d: %s\nwant %q, %d:%d: %s", name, file.Tool, p.File, p.Line, p.Column, p.Message, test.tool, test.line, test.column, test.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("name: a\nrepository: https://forge.example/a.git\nhosts: [a.example]\nverify: {keys: [x]}\n"))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("repository: &a https://forge.example/a.git\nref: *a\ninterval: 1h\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := Parse("tools/a.yaml", data)
		if (file.Spec == "") == (len(file.Problems) == 0) {
			t.Fatalf("spec %q, problems %v", file.Spec, file.Problems)
		}
		var spec api.ToolSpec
		if file.Spec != "" {
			if err := json.Unmarshal([]byte(file.Spec), &spec); err != nil {
				t.Fatal(err)
			}
		}
	})
}
