package manifest

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// TestEverything: testdata/good/everything.yaml, which other tests build on, holds every key.
func TestEverything(t *testing.T) {
	var document yaml.Node
	if err := yaml.Unmarshal(read(t, "testdata/good/everything.yaml"), &document); err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	search(Keys(), document.Content, false, there)
	for said, found := range there {
		if !found {
			t.Errorf("everything.yaml does not have the key of which the table says: %s", said)
		}
	}
}

// search notes of each key, by what is said of it, whether one of the mappings has it. Where two places share a key, as
// the webservice and the jobs do, one of them is enough: a file cannot have everything everywhere.
func search(keys []Key, nodes []*yaml.Node, byName bool, there map[string]bool) {
	mappings := flatten(nodes, byName)
	for _, key := range keys {
		var below []*yaml.Node
		for _, m := range mappings {
			if value := child(m, key.Name); value != nil {
				below = append(below, value)
			}
		}
		said := key.Name + ": " + key.Doc
		there[said] = there[said] || len(below) > 0
		search(key.Keys, below, key.ByName, there)
	}
}

// flatten returns the mappings among the nodes, those in lists, and with byName the values of mappings instead.
func flatten(nodes []*yaml.Node, byName bool) []*yaml.Node {
	var mappings []*yaml.Node
	for _, n := range nodes {
		switch {
		case n.Kind == yaml.SequenceNode:
			mappings = append(mappings, flatten(n.Content, byName)...)
		case n.Kind == yaml.MappingNode && byName:
			for i := 1; i < len(n.Content); i += 2 {
				mappings = append(mappings, n.Content[i])
			}
		case n.Kind == yaml.MappingNode:
			mappings = append(mappings, n)
		}
	}
	return mappings
}

// TestExamplesOfKeys: what the tables give as examples and defaults is read without a problem.
func TestExamplesOfKeys(t *testing.T) {
	checkExamples(t, root)
	checkExamples(t, buildSection)
	checkExamples(t, otherBuildSection)
	checkExamples(t, secretSection)
	checkExamples(t, webserviceSection)
	checkExamples(t, jobSection)
	checkExamples(t, healthCheckSection)
	checkExamples(t, networkSection)
	checkExamples(t, kubernetesSection)
}

func checkExamples[T any](t *testing.T, s section[T]) {
	t.Helper()
	for _, f := range s.fields {
		for _, example := range []any{f.Example, f.Default} {
			if example == nil {
				continue
			}
			var n yaml.Node
			if err := n.Encode(example); err != nil {
				t.Fatal(err)
			}
			r := newReader(Keys())
			var into T
			f.read(r, value{name: f.Name, path: f.Name, node: &n}, &into)
			if len(r.problems) > 0 {
				t.Errorf("%s: %s: %v: %v", s.place, f.Name, example, r.problems)
			}
		}
		if f.Example == nil && f.Default == nil {
			t.Errorf("%s: %s has no example", s.place, f.Name)
		}
	}
}

// TestDefaults: what the tables give as the default is what a file without the key gets.
func TestDefaults(t *testing.T) {
	jobs := []string{
		"{name: a, schedule: '@daily', command: x%s}", "{name: a, continuous: true, command: x, port: 80%s}",
	}
	for _, test := range []struct {
		keys  []Key
		files []string
	}{
		{Keys(), []string{"{webservice: {}%s}"}},
		{keysOf(t, "webservice"), []string{"webservice: {process: web%s}"}},
		{keysOf(t, "jobs"), []string{"jobs: [" + jobs[0] + "]", "jobs: [" + jobs[1] + "]"}},
	} {
		for _, key := range test.keys {
			if key.Default == nil {
				continue
			}
			var n yaml.Node
			if err := n.Encode(map[string]any{key.Name: key.Default}); err != nil {
				t.Fatal(err)
			}
			n.Style = yaml.FlowStyle
			text, err := yaml.Marshal(&n)
			if err != nil {
				t.Fatal(err)
			}
			entry := ", " + strings.TrimSuffix(strings.TrimPrefix(string(text), "{"), "}\n")
			if !sameWith(t, test.files, entry) {
				t.Errorf("%s: with the default written down the file means something else", key.Name)
			}
		}
	}
}

// sameWith tells whether one of the files is valid with the entry, and means the same as without it.
func sameWith(t *testing.T, files []string, entry string) bool {
	t.Helper()
	for _, file := range files {
		with, problems := Parse([]byte(strings.Replace(file, "%s", entry, 1)), Origin{})
		if problems != nil {
			continue
		}
		without, problems := Parse([]byte(strings.Replace(file, "%s", "", 1)), Origin{})
		if problems != nil {
			t.Fatal(problems)
		}
		return asJSON(t, with) == asJSON(t, without)
	}
	return false
}

func keysOf(t *testing.T, name string) []Key {
	t.Helper()
	i := indexOf(Keys(), name)
	if i < 0 {
		t.Fatalf("there is no key %s", name)
	}
	return Keys()[i].Keys
}
