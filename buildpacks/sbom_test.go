package buildpacks_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzSBOM checks that whatever a package manager left, it is either listed as CycloneDX has it, or said that it cannot be, and
// that no build fails of it.
func FuzzSBOM(f *testing.F) {
	f.Add("npm", []byte(`{"packages": {"node_modules/a": {"version": "1"}, "node_modules/b": 7}}`))
	f.Add("npm", []byte(`{"packages": {"node_modules/\"\u0000\ud800": {"version": "\u202e\n"}, "": {}}}`))
	f.Add("composer", []byte(`{"packages": [{"name": "a/b", "version": "1"}, {"name": 1}, {}]}`))
	f.Add("composer", []byte(strings.Repeat("[", 100_000)))
	f.Add("debian", []byte("Package: a\nVersion: 1\nArchitecture: all\nStatus: install ok installed\n\n: \n\n x: y\xff\n"))
	f.Add("debian", []byte("Package: a\nStatus: install ok installed"))
	program, err := filepath.Abs("shared/bin/sbom")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind string, content []byte) {
		if kind != "npm" && kind != "composer" && kind != "debian" {
			return
		}
		layers := t.TempDir()
		file := filepath.Join(layers, "file")
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		list := exec.Command(program, "layer", kind, file)
		list.Env = append(os.Environ(), "CNB_LAYERS_DIR="+layers)
		output, err := list.CombinedOutput()
		if err != nil {
			t.Fatalf("it failed: %v\n%s", err, output)
		}
		data, err := os.ReadFile(filepath.Join(layers, "layer.sbom.cdx.json"))
		if errors.Is(err, fs.ErrNotExist) {
			if !strings.HasPrefix(string(output), "Note: ") || strings.Count(string(output), "\n") != 1 {
				t.Fatalf("no list, and it says %q", output)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		checkCycloneDX(t, data)
	})
}

func checkCycloneDX(t *testing.T, data []byte) {
	t.Helper()
	var document struct {
		Format     string `json:"bomFormat"`
		Components []struct {
			Type, Name, Version, PURL string
		}
	}
	if err := json.Unmarshal(data, &document); err != nil || document.Format != "CycloneDX" {
		t.Fatalf("%v: %s", err, data)
	}
	for _, part := range document.Components {
		if part.Type != "library" || part.Name == "" || part.Version == "" || !strings.HasPrefix(part.PURL, "pkg:") ||
			strings.ContainsAny(part.PURL, " \n\"<>") {
			t.Errorf("a component is %+v", part)
		}
	}
}
