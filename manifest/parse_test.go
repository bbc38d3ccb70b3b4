package manifest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

func TestProblemFindsItsPlace(t *testing.T) {
	m, problems := Parse([]byte("stack:\n  - go\n  - perl\njobs:\n  - name: a\n    command: x\n    continuous: true\n"), Origin{})
	if problems != nil {
		t.Fatal(problems)
	}
	for path, want := range map[string]string{
		"stack[1]":       "line 3, column 5: m",
		"jobs[0].name":   "line 5, column 11: m",
		"jobs[0].memory": "line 5, column 5: m",
		"jobs[7].name":   "line 5, column 3: m",
		"build.path":     "line 1, column 1: m",
		"":               "line 1, column 1: m",
	} {
		if got := m.Problem(path, "m").String(); got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
	if got := (&Manifest{}).Problem("stack", "m").String(); got != "line 1, column 1: m" {
		t.Errorf("a manifest that was not parsed: got %q", got)
	}
}

// TestExamples parses what make demo pushes.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../examples/*/toolforge.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, file := range files {
		if _, problems := Parse(read(t, file), Origin{}); problems != nil {
			t.Errorf("%s:\n%v", file, problems)
		}
	}
}

func FuzzParse(f *testing.F) {
	good, err := filepath.Glob("testdata/[go]*/*.yaml")
	if err != nil || len(good) == 0 {
		f.Fatalf("no good files: %v", err)
	}
	for _, file := range good {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, archive := range []string{"testdata/broken.txtar", "testdata/broken-older.txtar"} {
		broken, err := txtar.ParseFile(archive)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range broken.Files {
			f.Add(file.Data)
		}
	}
	for _, file := range hostileFiles() {
		f.Add([]byte(file.file)[:min(len(file.file), 4<<10)])
	}
	for _, file := range costlyFiles() {
		f.Add([]byte(file)[:min(len(file), 4<<10)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var m *Manifest
		var problems Problems
		if c := costOf(func() { m, problems = Parse(data, ownOrigin) }); c.tooHigh() {
			t.Errorf("%d bytes cost %s and %d MiB", len(data), c.cpu, c.allocated>>20)
		}
		if (m == nil) == (problems == nil) {
			t.Fatalf("got %v and %v", m, problems)
		}
		if m != nil && m.V1 != "" {
			sameInV1(t, m, ownOrigin)
		}
		if m != nil && m.V1 == "" && m.Format != FormatV1 && !strings.Contains(lines(m.Notes), "so it is not shown") {
			t.Errorf("a file of format %q is not shown in v1, and nothing says why", m.Format)
		}
		count := 1 + strings.Count(string(data), "\n")
		for _, p := range problems {
			// The library counts a lone carriage return as the end of a line.
			if p.Line < 1 || p.Column < 1 || p.Line > count+strings.Count(string(data), "\r") {
				t.Errorf("%v is outside the file of %d lines", p, count)
			}
			if p.Message == "" || len(p.Message) > 1000 {
				t.Errorf("message of %d bytes", len(p.Message))
			}
		}
		if len(problems) > maxProblems+1 || !slices.IsSortedFunc(problems, func(a, b Problem) int {
			return 1000*(a.Line-b.Line) + min(max(a.Column-b.Column, -999), 999)
		}) {
			t.Errorf("not sorted, or too many:\n%v", problems)
		}
	})
}
