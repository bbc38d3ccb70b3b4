package schema_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/schema"
)

// TestFresh generates everything again, by the same make target that renews it, and compares.
func TestFresh(t *testing.T) {
	directory := t.TempDir()
	generate := exec.Command("make", "--no-print-directory", "-C", "..", "generate", "SCHEMA_OUT="+directory, "DEEPCOPY_OUT="+directory)
	if output, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("make generate: %v\n%s", err, output)
	}
	want := files(t, os.DirFS(filepath.Join(directory, "crds")))
	crds, err := fs.Sub(schema.CRDs, "crds")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, files(t, crds)); diff != "" {
		t.Errorf("schema/crds is stale: run `make generate` (-fresh +here):\n%s", diff)
	}
	compare(t, filepath.Join(directory, "toolforge-v1.json"), "toolforge-v1.json")
	compare(t, filepath.Join(directory, "zz_generated.deepcopy.go"), "../api/v1alpha1/zz_generated.deepcopy.go")
}

func compare(t *testing.T, generated, committed string) {
	t.Helper()
	fresh, err := os.ReadFile(generated)
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(fresh), string(here)); diff != "" {
		t.Errorf("%s is stale: run `make generate` (-fresh +here):\n%s", committed, diff)
	}
}

func files(t *testing.T, system fs.FS) map[string]string {
	t.Helper()
	contents := make(map[string]string)
	err := fs.WalkDir(system, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := fs.ReadFile(system, path)
		contents[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(contents) == 0 {
		t.Fatal("nothing was generated")
	}
	return contents
}
