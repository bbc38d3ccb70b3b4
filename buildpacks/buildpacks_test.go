package buildpacks_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs the scripts in testdata. Each starts in a source directory; `detect NAME` and `build NAME` run one
// buildpack there as the lifecycle does, with layers in $LAYERS.
func TestScripts(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"detect": phase(root, "detect"),
			"build":  phase(root, "build"),
		},
		Setup: func(e *testscript.Env) error {
			layers := filepath.Join(e.WorkDir, ".layers")
			e.Setenv("LAYERS", layers)
			e.Setenv("BUILDPACKS", root)
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("CNB_BUILD_PLAN_PATH", filepath.Join(e.WorkDir, ".plan.toml"))
			e.Setenv("CNB_BP_PLAN_PATH", filepath.Join(e.WorkDir, ".entries.toml"))
			// Nothing here may ask the network; a dependency that would be fetched is an error.
			e.Setenv("GOPROXY", "off")
			e.Setenv("GOTOOLCHAIN", "local")
			e.Setenv("npm_config_offline", "true")
			if err := os.Mkdir(layers, 0o755); err != nil {
				return err
			}
			// Stands for the cache of an earlier build, so that the standard library is not compiled in every test.
			return os.Symlink(strings.TrimSpace(string(compiled)), filepath.Join(layers, "compiled"))
		},
	})
}

// phase is the testscript command that runs bin/<name> of the buildpack that it is given.
func phase(root, name string) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if len(args) != 1 {
			ts.Fatalf("usage: %s BUILDPACK", name)
		}
		directory := filepath.Join(root, args[0])
		ts.Setenv("CNB_BUILDPACK_DIR", directory)
		ts.Setenv("CNB_LAYERS_DIR", ts.Getenv("LAYERS"))
		err := ts.Exec(filepath.Join(directory, "bin", name))
		if (err != nil) != neg {
			ts.Fatalf("%s %s: %v", name, args[0], err)
		}
	}
}

// TestDetectExamples checks that each example is taken by the buildpack of its name.
func TestDetectExamples(t *testing.T) {
	for example, buildpack := range map[string]string{
		"hello": "static", "python": "python", "nodejs": "nodejs", "go": "go", "php": "php", "procfile": "procfile",
	} {
		t.Run(example, func(t *testing.T) {
			script, err := filepath.Abs(filepath.Join(buildpack, "bin", "detect"))
			if err != nil {
				t.Fatal(err)
			}
			detect := exec.Command(script)
			detect.Dir = filepath.Join("..", "examples", example)
			if output, err := detect.CombinedOutput(); err != nil {
				t.Errorf("%s does not detect examples/%s: %v\n%s", buildpack, example, err, output)
			}
		})
	}
}
