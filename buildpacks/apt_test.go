package buildpacks_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var packageLine = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]*(=[A-Za-z0-9.+~:-]+)?\t(plain|alone|again)\t(Aptfile|project\.toml)(:[0-9]+)?$`)

// FuzzPackages checks that whatever the lists hold, they are either refused with a message, or come to names of packages and
// nothing else.
func FuzzPackages(f *testing.F) {
	f.Add([]byte("ffmpeg\n# x\nlibc6=2.36-9 git"), []byte("[com.heroku.buildpacks.deb-packages]\ninstall = [\"a1\", {name = \"b2\", force = true, env = {A = \"{install_dir}\"}}]"))
	f.Add([]byte("-o=x"), []byte("com = 3"))
	f.Add([]byte("a;b $(c) `d` ../e"), []byte("[[com.heroku.buildpacks.deb-packages]]"))
	f.Add([]byte("\xff\x00\x1b[31m"), []byte("[com.heroku.buildpacks]\ndeb-packages = {install = [[1]]}"))
	f.Add([]byte("ü\u2028b\x0bc"), []byte(strings.Repeat("[", 3000)))
	script, err := filepath.Abs("apt/bin/packages")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, aptfile, project []byte) {
		source := t.TempDir()
		for name, content := range map[string][]byte{"Aptfile": aptfile, "project.toml": project} {
			if err := os.WriteFile(filepath.Join(source, name), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		list := exec.Command(script)
		list.Dir = source
		output, err := list.Output()
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			if !strings.Contains(string(failed.Stderr), "ERROR: ") || strings.Contains(string(failed.Stderr), "Traceback") {
				t.Fatalf("failed without a message: %s", failed.Stderr)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(strings.TrimSuffix(string(output), "\n"), "\n") {
			if line != "" && !packageLine.MatchString(line) {
				t.Errorf("unexpected line %q", line)
			}
		}
	})
}
