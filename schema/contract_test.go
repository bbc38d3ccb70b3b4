package schema_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/schema"
)

// TestAccepts: what Parse accepts, an editor accepts: the good files of the manifest's tests, the examples, and every
// example of the documentation for maintainers.
func TestAccepts(t *testing.T) {
	check := validator(t, "")
	files := yamlOf(t, "../manifest/testdata/good/*.yaml", "../examples/*/toolforge.yaml")
	for _, page := range []string{"toolforge-yaml.md", "start.md", "coming-from.md"} {
		for i, example := range examplesOf(t, "../docs/"+page) {
			files[page+", example "+string(rune('1'+i))] = example
		}
	}
	for name, text := range files {
		if _, problems := manifest.Parse([]byte(text), manifest.Origin{}); problems != nil {
			t.Errorf("%s: it is refused:\n%v\n%s", name, problems, text)
		}
		if err := check(valueOf(t, text)); err != nil {
			t.Errorf("%s: the schema refuses it: %v\n%s", name, err, text)
		}
	}
}

// TestRefuses: what Parse refuses, an editor refuses, but for what JSON Schema cannot know.
func TestRefuses(t *testing.T) {
	check := validator(t, "")
	archive, err := txtar.ParseFile("../manifest/testdata/broken.txtar")
	if err != nil {
		t.Fatal(err)
	}
	refused, unseen := 0, maps.Clone(unknowable)
	for _, file := range archive.Files {
		name, broken := strings.CutSuffix(file.Name, ".yaml")
		value, isYAML := decode(string(file.Data))
		if !broken || !isYAML {
			continue
		}
		reason, beyond := unknowable[name]
		delete(unseen, name)
		switch err := check(value); {
		case err == nil && !beyond:
			t.Errorf("%s: the schema accepts it:\n%s", name, file.Data)
		case err != nil && beyond:
			t.Errorf("%s: the schema refuses it, although it cannot know (%s): %v", name, reason, err)
		case err != nil:
			refused++
		}
	}
	for name := range unseen {
		t.Errorf("%s is no broken file", name)
	}
	if refused < 100 {
		t.Errorf("only %d files were refused", refused)
	}
}

// TestKeys: every key of the tables is in the schema with its documentation, its example and its default, which it
// accepts; and no other key is.
func TestKeys(t *testing.T) {
	var root node
	if err := json.Unmarshal(schema.Toolforge, &root); err != nil {
		t.Fatal(err)
	}
	compareKeys(t, "", root, manifest.Keys(), false)
}

// node is what the test reads of a schema.
type node struct {
	Description          string
	Properties           map[string]json.RawMessage
	AdditionalProperties json.RawMessage
	Items                json.RawMessage
	Default              any
	Examples             []any
}

func compareKeys(t *testing.T, at string, n node, keys []manifest.Key, byName bool) {
	t.Helper()
	if byName {
		at += "/additionalProperties"
		n = nodeOf(t, n.AdditionalProperties)
	} else if n.Items != nil {
		at += "/items"
		n = nodeOf(t, n.Items)
	}
	for _, key := range keys {
		raw, ok := n.Properties[key.Name]
		if !ok {
			t.Errorf("%s has no key %s", at, key.Name)
			continue
		}
		path, property := at+"/properties/"+key.Name, nodeOf(t, raw)
		if !strings.HasPrefix(property.Description, key.Doc) || len(property.Examples) == 0 && property.Default == nil {
			t.Errorf("%s: no documentation or no example: %+v", path, property)
		}
		check := validator(t, path)
		for _, value := range append(property.Examples, property.Default) {
			if err := check(value); value != nil && err != nil {
				t.Errorf("%s: %v is refused: %v", path, value, err)
			}
		}
		if len(key.Keys) > 0 {
			compareKeys(t, path, property, key.Keys, key.ByName)
		}
	}
	if len(keys) != len(n.Properties) {
		t.Errorf("%s has %d keys, the tables %d", at, len(n.Properties), len(keys))
	}
}

func nodeOf(t *testing.T, raw json.RawMessage) node {
	t.Helper()
	var n node
	if err := json.Unmarshal(raw, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// validator compiles the part of the schema at a JSON pointer. Compiling checks it against the metaschema of its draft.
func validator(t *testing.T, pointer string) func(any) error {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema.Toolforge))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("toolforge-v1.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("toolforge-v1.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate
}

func yamlOf(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, pattern := range patterns {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: no files: %v", pattern, err)
		}
		for _, name := range names {
			files[name] = textOf(t, name)
		}
	}
	return files
}

var fence = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// examplesOf returns the examples in YAML of a page of the documentation.
func examplesOf(t *testing.T, page string) []string {
	t.Helper()
	var examples []string
	for _, match := range fence.FindAllStringSubmatch(textOf(t, page), -1) {
		examples = append(examples, match[1])
	}
	if len(examples) == 0 {
		t.Fatalf("%s has no examples", page)
	}
	return examples
}

func textOf(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func valueOf(t *testing.T, text string) any {
	t.Helper()
	value, ok := decode(text)
	if !ok {
		t.Fatalf("this is no YAML:\n%s", text)
	}
	return value
}
