package buildpacks_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzProcfile checks that whatever a Procfile holds, the build either refuses it with a message or writes processes whose
// commands are lines of the file, and never anything else.
func FuzzProcfile(f *testing.F) {
	for _, seed := range []string{
		"web: python app.py\n",
		"# comment\n\nweb: a \"b\" 'c' \\ $PORT\nworker:\tx\ty",
		"web: a\r\nweb: b\r\n",
		"web: \"]\n[[processes]]\ntype = \"x\"\n",
		"web:\n", ":", "web", "web: \x00", "web: \x1b[31m", "web: \xff", "web: ü 日本", "w\u00a0b: x", "", "web: \x7f",
	} {
		f.Add([]byte(seed))
	}
	script, err := filepath.Abs("procfile/bin/build")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, procfile []byte) {
		source, layers := t.TempDir(), t.TempDir()
		if err := os.WriteFile(filepath.Join(source, "Procfile"), procfile, 0o600); err != nil {
			t.Fatal(err)
		}
		build := exec.Command(script)
		build.Dir = source
		build.Env = append(os.Environ(), "CNB_LAYERS_DIR="+layers)
		output, err := build.CombinedOutput()
		if err != nil {
			if !strings.Contains(string(output), "ERROR: Procfile") {
				t.Fatalf("failed without a message: %v\n%s", err, output)
			}
			return
		}
		launch, err := os.ReadFile(filepath.Join(layers, "launch.toml"))
		if err != nil {
			t.Fatal(err)
		}
		checkProcesses(t, string(procfile), string(launch))
	})
}

// checkProcesses reads launch.toml line by line: of TOML the build writes only what JSON reads as well.
func checkProcesses(t *testing.T, procfile, launch string) {
	t.Helper()
	for _, line := range strings.Split(launch, "\n") {
		key, value, _ := strings.Cut(line, " = ")
		switch key {
		case "", "[[processes]]", "default":
		case "type":
			var name string
			if err := json.Unmarshal([]byte(value), &name); err != nil || !strings.Contains(procfile, name) {
				t.Errorf("type %s: %v", value, err)
			}
		case "command":
			var words []string
			if err := json.Unmarshal([]byte(value), &words); err != nil || len(words) != 6 {
				t.Errorf("command %s: %v", value, err)
			} else if command := words[5]; !strings.Contains(procfile, command) {
				t.Errorf("command %q is not in the Procfile", command)
			}
		default:
			t.Errorf("unexpected line %q", line)
		}
	}
}
