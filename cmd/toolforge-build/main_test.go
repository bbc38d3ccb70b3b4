package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/toolforge/toolforged/build/ending"
)

// fakePrograms are what the tests have instead of the lifecycle's programs: this program under their names. It says what
// it was told, and then does what FAKE_<name> says: "exit 3", "say TEXT", "write FILE SIZE", "sleep", one after the other.
var fakePrograms = []string{"analyzer", "detector", "restorer", "builder", "exporter"}

func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	for _, fake := range fakePrograms {
		if name == fake {
			pretend(name)
		}
	}
	os.Exit(m.Run())
}

func pretend(name string) {
	fmt.Println(name, strings.Join(os.Args[1:], " "))
	if insecure := os.Getenv("CNB_INSECURE_REGISTRIES"); insecure != "" {
		fmt.Println("CNB_INSECURE_REGISTRIES=" + insecure)
	}
	for _, arg := range os.Args[1:] {
		if file, found := strings.CutPrefix(arg, "-analyzed="); found && name == "analyzer" {
			if err := os.WriteFile(file, []byte("[image]\n"), 0o644); err != nil {
				panic(err)
			}
		}
	}
	for _, step := range strings.Split(os.Getenv("FAKE_"+name), ";") {
		var size int
		verb, rest, _ := strings.Cut(strings.TrimSpace(step), " ")
		switch verb {
		case "exit":
			var code int
			fmt.Sscan(rest, &code)
			os.Exit(code)
		case "say":
			fmt.Println(rest)
		case "write":
			file, bytes, _ := strings.Cut(rest, " ")
			fmt.Sscan(bytes, &size)
			if err := os.WriteFile(file, make([]byte, size), 0o644); err != nil {
				panic(err)
			}
		case "sleep":
			time.Sleep(time.Hour)
		}
	}
	os.Exit(0)
}

// lifecycle is a directory of fake programs.
func lifecycle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range fakePrograms {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// bench is a set of directories as a build's containers have them.
type bench struct {
	t    *testing.T
	args []string
	places
}

func newBench(t *testing.T) *bench {
	t.Helper()
	root := t.TempDir()
	b := &bench{t: t, places: places{
		workspace: filepath.Join(root, "workspace"), layers: filepath.Join(root, "layers"), cached: filepath.Join(root, "cache"),
		private: filepath.Join(root, "private"), program: filepath.Join(root, "toolforge"), lifecycle: lifecycle(t),
	}}
	for _, dir := range []string{b.workspace, b.layers, b.cached, b.private, b.program} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b.args = []string{"-workspace=" + b.workspace, "-layers=" + b.layers, "-cache-dir=" + b.cached, "-private=" + b.private,
		"-program=" + b.program, "-lifecycle=" + b.lifecycle, "-ending=" + b.ending()}
	return b
}

func (b *bench) ending() string { return filepath.Join(filepath.Dir(b.private), "ending") }

// start runs a subcommand and returns what it printed, its exit code and its ending.
func (b *bench) start(command string, args ...string) (string, int, ending.Ending) {
	b.t.Helper()
	var out strings.Builder
	code := start(b.t.Context(), append(append([]string{command}, b.args...), args...), &out)
	data, err := os.ReadFile(b.ending())
	if err != nil {
		b.t.Fatal(err)
	}
	e, err := ending.Parse(string(data))
	if err != nil {
		b.t.Fatal(err)
	}
	return out.String(), code, e
}

// write puts a file below the root of all directories.
func (b *bench) write(path, content string) {
	b.t.Helper()
	path = filepath.Join(filepath.Dir(b.private), path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func phaseNames(e ending.Ending) string {
	var names []string
	for _, phase := range e.Phases {
		names = append(names, phase.Name)
	}
	return strings.Join(names, " ")
}

func TestUnknownCommand(t *testing.T) {
	for _, args := range [][]string{nil, {"frobnicate"}} {
		var out strings.Builder
		if code := start(t.Context(), args, &out); code != exitTrouble || !strings.Contains(out.String(), "want prepare, run or export") {
			t.Errorf("%v: exit %d, %s", args, code, out.String())
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, test := range []struct {
		err  error
		want int
	}{
		{errors.New("trouble"), 2},
		{refuse("mend it"), 1},
		{fmt.Errorf("in: %w", refuse("mend it")), 1},
		{&programError{program: "exporter", code: 62}, 2},
		{&programError{program: "builder", code: 51, theirs: true}, 51},
	} {
		if got := exitCode(test.err); got != test.want {
			t.Errorf("%v: %d, want %d", test.err, got, test.want)
		}
	}
}

func TestLastLine(t *testing.T) {
	for _, test := range []struct{ writes, want string }{
		{"", ""},
		{"one\ntwo\n", "two"},
		{"one\nERROR: t|wo", "two"},
		{"one|\n|two|\n", "two"},
		{strings.Repeat("x", 2000), strings.Repeat("x", maxLastLine)},
	} {
		var out strings.Builder
		last := &lastLine{to: &out}
		for _, part := range strings.Split(test.writes, "|") {
			fmt.Fprint(last, part)
		}
		if got := last.text(); got != test.want || out.String() != strings.ReplaceAll(test.writes, "|", "") {
			t.Errorf("%.50q: last line %.50q, passed on %.50q", test.writes, got, out.String())
		}
	}
}
