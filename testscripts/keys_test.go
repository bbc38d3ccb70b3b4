package testscripts

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"go.yaml.in/yaml/v3"

	"github.com/toolforge/toolforged/manifest"
)

// TestEveryKeyIsSeen: each key of toolforge.yaml is in a file that runs in the cluster, and in one whose rendering is
// compared.
func TestEveryKeyIsSeen(t *testing.T) {
	run, rendered := keys{}, keys{}
	for _, script := range matches(t, "scripts/*.txtar") {
		archive, err := txtar.ParseFile(script)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range archive.Files {
			run.note(file.Data)
		}
	}
	for _, file := range matches(t, "../reconcile/render/testdata/*.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rendered.note(data)
	}
	each(manifest.Keys(), "", func(path string) {
		if !run[path] {
			t.Errorf("%s is in no script", path)
		}
		if !rendered[path] && !unrendered[path] {
			t.Errorf("%s is in no file of reconcile/render/testdata", path)
		}
	})
}

// unrendered are the keys of which nothing is rendered: they say what is built, or of what version the file is.
var unrendered = map[string]bool{
	"version": true, "stack": true,
	"build": true, "build.builder": true, "build.path": true, "build.ignore": true, "build.env": true,
	"builds.builder": true, "builds.path": true, "builds.ignore": true, "builds.env": true, "builds.ref": true, "builds.stack": true,
}

func matches(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files %s (%v)", pattern, err)
	}
	return files
}

// keys are the paths of keys that were seen, as in jobs.health_check.path.
type keys map[string]bool

// note sees the keys of a file, if it is a toolforge.yaml.
func (k keys) note(data []byte) {
	var document yaml.Node
	// Some hold what the script fills in, and are no YAML or no valid manifest before.
	if err := yaml.Unmarshal(data, &document); err != nil || len(document.Content) == 0 || !isManifest(document.Content[0]) {
		return
	}
	k.collect(document.Content[0], manifest.Keys(), "")
}

// isManifest tells a toolforge.yaml by its keys.
func isManifest(n *yaml.Node) bool {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.ContainsFunc(manifest.Keys(), func(key manifest.Key) bool { return key.Name == n.Content[i].Value }) {
			return false
		}
	}
	return n.Kind == yaml.MappingNode
}

func (k keys) collect(n *yaml.Node, known []manifest.Key, above string) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if n.Kind == yaml.SequenceNode {
		for _, entry := range n.Content {
			k.collect(entry, known, above)
		}
		return
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		for _, key := range known {
			if key.Name != n.Content[i].Value {
				continue
			}
			path := above + key.Name
			k[path] = true
			if !key.ByName {
				k.collect(n.Content[i+1], key.Keys, path+".")
				continue
			}
			for j := 1; j < len(n.Content[i+1].Content); j += 2 {
				k.collect(n.Content[i+1].Content[j], key.Keys, path+".")
			}
		}
	}
}

func each(known []manifest.Key, above string, do func(path string)) {
	for _, key := range known {
		do(above + key.Name)
		each(key.Keys, above+strings.TrimSuffix(key.Name, ".")+".", do)
	}
}
