package manifest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected files under testdata")

// TestGoodFiles compares what testdata/good/*.yaml parse to with the JSON beside them.
func TestGoodFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no good files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			m, problems := Parse(read(t, file), Origin{})
			if problems != nil {
				t.Fatalf("problems:\n%v", problems)
			}
			compare(t, strings.TrimSuffix(file, ".yaml")+".json", []byte(asJSON(t, m)))
		})
	}
}

// TestBrokenFiles compares the problems of each x.yaml in an archive of broken files with x.problems after it.
func TestBrokenFiles(t *testing.T) {
	for file, least := range map[string]int{"testdata/broken.txtar": 200, "testdata/broken-older.txtar": 50} {
		t.Run(filepath.Base(file), func(t *testing.T) { testBrokenFiles(t, file, least) })
	}
}

func testBrokenFiles(t *testing.T, file string, least int) {
	archive := txtar.Parse(read(t, file))
	var files []txtar.File
	count := 0
	for i, f := range archive.Files {
		name, isInput := strings.CutSuffix(f.Name, ".yaml")
		if !isInput {
			continue
		}
		count++
		m, problems := Parse(f.Data, ownOrigin)
		if m != nil || len(problems) == 0 {
			t.Errorf("%s: no problem was found", f.Name)
		}
		got := problems.Error() + "\n"
		want := ""
		if i+1 < len(archive.Files) && archive.Files[i+1].Name == name+".problems" {
			want = string(archive.Files[i+1].Data)
		}
		if diff := cmp.Diff(want, got); diff != "" && !*update {
			t.Errorf("%s (-want +got):\n%s", f.Name, diff)
		}
		files = append(files, f, txtar.File{Name: name + ".problems", Data: []byte(got)})
	}
	if count < least {
		t.Errorf("only %d broken files", count)
	}
	archive.Files = files
	if *update {
		write(t, file, txtar.Format(archive))
	}
}

func asJSON(t *testing.T, m *Manifest) string {
	t.Helper()
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text) + "\n"
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		write(t, file, got)
		return
	}
	if want := read(t, file); !bytes.Equal(want, got) {
		t.Errorf("%s (-want +got):\n%s", file, cmp.Diff(string(want), string(got)))
	}
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
