package toolforged

import (
	"bytes"
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/toolforge/toolforged/"

// rooms lists, for each room, the rooms that its code may import. A room that is not listed fails the test.
var rooms = map[string][]string{
	"api":                 {},
	"manifest":            {},
	"sources":             {},
	"registry":            {},
	"schema":              {"manifest"},
	"build":               {"api", "registry"},
	"reconcile":           {"api", "manifest", "sources", "build", "registry"},
	"status":              {"api"},
	"report":              {"api"},
	"docs":                {},
	"cmd/toolforged":      {"api", "build", "docs", "manifest", "reconcile", "registry", "report", "schema", "sources", "status"},
	"cmd/toolforge-build": {"build", "registry", "sources"},
	"buildpacks":          {},
	"examples":            {"api", "testscripts"},
	"testscripts":         {"api"},
}

// foreign names what some rooms must not know at all.
var foreign = map[string][]string{
	"manifest":  {"k8s.io/", "sigs.k8s.io/controller-runtime", "github.com/go-git/", "github.com/google/go-containerregistry", "net", "net/http", "os"},
	"sources":   {"k8s.io/", "sigs.k8s.io/", "github.com/google/go-containerregistry"},
	"registry":  {"k8s.io/", "sigs.k8s.io/", "github.com/go-git/"},
	"reconcile": {"net/http", "github.com/go-git/", "github.com/google/go-containerregistry"},
	"status":    {"github.com/go-git/", "github.com/google/go-containerregistry"},
	"report":    {"net/http", "github.com/go-git/", "github.com/google/go-containerregistry"},
	"api":       {"sigs.k8s.io/controller-runtime", "github.com/go-git/"},
}

func TestImports(t *testing.T) {
	output, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(output))
	for {
		var pkg struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&pkg); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		path, inside := strings.CutPrefix(pkg.ImportPath, module)
		if !inside {
			continue // the root
		}
		check(t, path, pkg.Imports)
	}
}

func check(t *testing.T, path string, imports []string) {
	room := roomOf(path)
	allowed, known := rooms[room]
	if !known {
		t.Errorf("%s: a new room: say here what it may import, and in doc.go what it is", path)
		return
	}
	for _, imported := range imports {
		if other, inside := strings.CutPrefix(imported, module); inside {
			if other := roomOf(other); other != room && !slices.Contains(allowed, other) {
				t.Errorf("%s imports %s: %s may import only %v", path, imported, room, allowed)
			}
			continue
		}
		for _, banned := range foreign[room] {
			if imported == banned || strings.HasSuffix(banned, "/") && strings.HasPrefix(imported, banned) || strings.HasPrefix(imported, banned+"/") && strings.Contains(banned, ".") {
				t.Errorf("%s imports %s, which %s must not know", path, imported, room)
			}
		}
	}
}

// roomOf is the top-level directory; each command is a room of its own.
func roomOf(path string) string {
	parts := strings.SplitN(path, "/", 3)
	if parts[0] == "cmd" && len(parts) > 1 {
		return parts[0] + "/" + parts[1]
	}
	return parts[0]
}
