package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const projectFile = `[_]
schema-version = "0.2"
[io.buildpacks]
exclude = ["*.md"]
group = []
[[io.buildpacks.build.env]]
name = "OURS"
value = "project's"
[[io.buildpacks.build.env]]
name = "BOTH"
value = "project's"
`

func TestLeaveOut(t *testing.T) {
	b := newBench(t)
	b.write("workspace/project.toml", projectFile)
	b.write("workspace/README.md", "")
	b.write("workspace/app.py", "")
	var out strings.Builder
	if err := leaveOut(b.workspace, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"project.toml:5: `group` has no effect", "left out 1 files"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	if _, err := os.Stat(filepath.Join(b.workspace, "README.md")); err == nil {
		t.Error("README.md is still there")
	}
	b.write("workspace/project.toml", "[")
	if err := leaveOut(b.workspace, io.Discard); err == nil || !mendable(err) || !strings.HasPrefix(err.Error(), "project.toml:1: ") {
		t.Errorf("a file that is no TOML: %v", err)
	}
}

func TestPlatformWith(t *testing.T) {
	b := newBench(t)
	t.Setenv("TMPDIR", t.TempDir())
	platform := filepath.Join(filepath.Dir(b.workspace), "platform")
	b.write("platform/..2026/order.toml", "the order")
	b.write("platform/..2026/env/BOTH", "platform's")
	if err := os.Symlink("..2026/order.toml", filepath.Join(platform, "order.toml")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("..2026/env", filepath.Join(platform, "env")); err != nil {
		t.Fatal(err)
	}
	if got, err := platformWith(platform, b.workspace); got != platform || err != nil {
		t.Errorf("without a project.toml: %s, %v", got, err)
	}
	b.write("workspace/project.toml", projectFile)
	merged, err := platformWith(platform, b.workspace)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"order.toml": "the order", "env/BOTH": "platform's", "env/OURS": "project's"} {
		if got, err := os.ReadFile(filepath.Join(merged, name)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v; want %q", name, got, err, want)
		}
	}
}
