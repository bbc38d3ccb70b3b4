package directory

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// fileOf is a file without mistakes.
func fileOf(name string) *File {
	return Parse("tools/"+name+".yaml", []byte("repository: https://forge.example/"+name+".git\n"))
}

// toolOf is the Tool that a file was written as, of that directory.
func toolOf(t *testing.T, directory string, file *File, change ...func(*api.Tool)) api.Tool {
	t.Helper()
	tool := api.Tool{ObjectMeta: metav1.ObjectMeta{Name: file.Tool, Annotations: map[string]string{api.DirectoryHash: file.Hash}}}
	if directory != "" {
		tool.Labels = map[string]string{api.DirectoryLabel: directory}
	}
	if err := json.Unmarshal([]byte(file.Spec), &tool.Spec); err != nil {
		t.Fatal(err)
	}
	for _, change := range change {
		change(&tool)
	}
	return tool
}

func TestPlan(t *testing.T) {
	a := fileOf("a")
	broken := Parse("tools/a.yaml", []byte("repository: https://forge.example/a.git\nnonsense: 1\n"))
	deleting := func(tool *api.Tool) { tool.DeletionTimestamp = &metav1.Time{} }
	for name, test := range map[string]struct {
		files []*File
		tools []api.Tool
		want  string
	}{
		"a new one":             {[]*File{a}, nil, "write a"},
		"as it is":              {[]*File{a}, []api.Tool{toolOf(t, "ours", a)}, ""},
		"more by hand":          {[]*File{a}, []api.Tool{toolOf(t, "ours", a, func(tool *api.Tool) { tool.Spec.Suspend = true })}, ""},
		"changed by hand":       {[]*File{a}, []api.Tool{toolOf(t, "ours", a, func(tool *api.Tool) { tool.Spec.Repository = "https://other" })}, "write a"},
		"changed file":          {[]*File{a}, []api.Tool{toolOf(t, "ours", a, func(tool *api.Tool) { tool.Annotations[api.DirectoryHash] = "old" })}, "write a"},
		"made by hand":          {[]*File{a}, []api.Tool{toolOf(t, "", a)}, "tools/a.yaml:1: a Tool of this name was made by hand"},
		"made by hand, allowed": {[]*File{a}, []api.Tool{toolOf(t, "", a, func(tool *api.Tool) { tool.Annotations[api.AllowDirectory] = "ours" })}, "write a"},
		"another's":             {[]*File{a}, []api.Tool{toolOf(t, "theirs", a)}, "tools/a.yaml:1: the tool is listed by the Directory theirs already"},
		"nobody's any more":     {[]*File{a}, []api.Tool{toolOf(t, "gone", a)}, "write a"},
		"on its way out":        {[]*File{a}, []api.Tool{toolOf(t, "ours", a, deleting)}, "wait a"},
		"broken":                {[]*File{broken}, []api.Tool{toolOf(t, "ours", a)}, "tools/a.yaml:2: unknown key `nonsense`"},
		"removed":               {[]*File{fileOf("b")}, []api.Tool{toolOf(t, "ours", a), toolOf(t, "ours", fileOf("b"))}, "remove a"},
		"all removed":           {nil, []api.Tool{toolOf(t, "ours", a)}, "withhold a"},
		"others' are left":      {[]*File{fileOf("b")}, []api.Tool{toolOf(t, "theirs", a), toolOf(t, "", fileOf("c")), toolOf(t, "ours", fileOf("b"))}, ""},
		"two files": {[]*File{a, named("tools/a.yml")}, []api.Tool{toolOf(t, "ours", a)},
			"tools/a.yml:0: the file's name must end in .yaml; tools/a.yml:0: the tool has another file: tools/a.yaml"},
	} {
		plan := Make("ours", sorted(test.files), test.tools, func(name string) bool { return name == "theirs" }, Bounds{Percent: 10, Number: 1})
		var got []string
		for _, file := range plan.Write {
			got = append(got, "write "+file.Tool)
		}
		for _, tool := range plan.Remove {
			got = append(got, "remove "+tool.Name)
		}
		for _, name := range plan.Withheld {
			got = append(got, "withhold "+name)
		}
		for _, name := range plan.Waiting {
			got = append(got, "wait "+name)
		}
		for _, p := range plan.Problems {
			message, _, _ := strings.Cut(p.Message, " and is")
			message, _, _ = strings.Cut(message, ", which")
			message, _, _ = strings.Cut(message, ": did you")
			message, _, _ = strings.Cut(message, ": there is")
			got = append(got, fmt.Sprintf("%s:%d: %s", p.File, p.Line, message))
		}
		if diff := cmp.Diff(test.want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// However many Tools a directory has, and whenever the daemon is killed in between, as many go as may and no more.
func TestBoundsOfRemovals(t *testing.T) {
	for _, test := range []struct {
		have, gone int
		bounds     Bounds
		refused    bool
	}{
		{100, 10, Bounds{Percent: 10}, false},
		{100, 11, Bounds{Percent: 10}, true},
		{5, 1, Bounds{Percent: 10, Number: 1}, false},
		{5, 2, Bounds{Percent: 10, Number: 1}, true},
		{5, 1, Bounds{}, true},
		{5, 4, Bounds{Percent: 100}, false},
		{5, 5, Bounds{Percent: 100, Number: 5}, true}, // a directory without any
		{5, 5, Bounds{All: true}, false},
		{1, 1, Bounds{Percent: 10, Number: 1}, true},
	} {
		var files []*File
		var tools []api.Tool
		for i := range test.have {
			file := fileOf(fmt.Sprintf("tool-%03d", i))
			tools = append(tools, toolOf(t, "ours", file))
			if i >= test.gone {
				files = append(files, file)
			}
		}
		for killed := 0; killed < test.gone; killed++ {
			plan := Make("ours", sorted(files), tools[killed:], func(string) bool { return true }, test.bounds)
			left := test.gone - killed
			if refused := len(plan.Remove) == 0; killed == 0 && refused != test.refused || !test.refused && len(plan.Remove) != left ||
				test.refused && len(plan.Withheld) != left && killed == 0 {
				t.Errorf("%+v, %d gone already: removes %d, withholds %d", test, killed, len(plan.Remove), len(plan.Withheld))
			}
		}
	}
}
