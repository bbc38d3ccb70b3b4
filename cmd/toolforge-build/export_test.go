package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/toolforge/toolforged/build/ending"
)

// What a build leaves that went as it should.
const (
	goodGroup = `[[group]]
id = "toolforge/nodejs"
version = "1.2"
api = "0.10"
`
	goodMetadata = `[[labels]]
key = "maintainer"
value = "me"

[[processes]]
type = "web"
command = ["node"]
args = ["server.js"]
direct = true
`
	launchLayer = "[types]\nlaunch = true\n"
	cacheLayer  = "[types]\ncache = true\nbuild = true\n"
)

// built is a bench on which a build went as it should.
func built(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.write("layers/group.toml", goodGroup)
	b.write("layers/analyzed.toml", "")
	b.write("layers/plan.toml", "")
	b.write("layers/config/metadata.toml", goodMetadata)
	b.write("layers/toolforge_nodejs/modules.toml", launchLayer)
	b.write("layers/toolforge_nodejs/modules/x.js", strings.Repeat("x", 3000))
	b.write("layers/toolforge_nodejs/npm.toml", cacheLayer)
	b.write("layers/toolforge_nodejs/npm/blob", strings.Repeat("x", 2000))
	b.write("layers/toolforge_nodejs/modules.sbom.cdx.json", "{}")
	b.write("layers/toolforge_nodejs/store.toml", "[metadata]\na = 1\n")
	b.write("layers/sbom/launch/x/sbom.cdx.json", "{}")
	b.write("workspace/server.js", "require")
	b.write("private/analyzed.toml", "")
	if err := os.Symlink("/usr/bin/node", filepath.Join(b.workspace, "node")); err != nil {
		t.Fatal(err)
	}
	return b
}

var exportArgs = []string{"-run-image=registry.invalid/run@sha256:1", "-label=toolforge.org/build-key=key", "registry.invalid/tool-wiki/main:key"}

func TestExport(t *testing.T) {
	b := built(t)
	out, code, end := b.start("export", exportArgs...)
	if code != 0 || phaseNames(end) != "export" || len(end.Notes) != 0 {
		t.Fatalf("exit %d, %+v: %s", code, end, out)
	}
	for _, want := range []string{
		"exporter -no-color -layers=" + b.layers + " -app=" + b.workspace + " -analyzed=" + b.analyzed(),
		" -group=" + b.private + "/group.toml ", " -launcher=" + b.lifecycle + "/launcher ", " registry.invalid/tool-wiki/main:key\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "-cache-dir") {
		t.Errorf("a cache that nobody asked for: %s", out)
	}
	var metadata buildMetadata
	if _, err := toml.DecodeFile(filepath.Join(b.layers, "config", "metadata.toml"), &metadata); err != nil {
		t.Fatal(err)
	}
	if len(metadata.Labels) != 2 || metadata.Labels[1].Key != "toolforge.org/build-key" || metadata.Labels[1].Value != "key" ||
		len(metadata.Processes) != 1 || metadata.Processes[0].Type != "web" {
		t.Errorf("the exporter reads %+v", metadata)
	}
	var rewritten group
	if _, err := toml.DecodeFile(b.private+"/group.toml", &rewritten); err != nil || rewritten.Group[0].ID != "toolforge/nodejs" || rewritten.Group[0].API != "0.10" {
		t.Errorf("the exporter reads %+v, %v", rewritten, err)
	}
}

func TestExportBounds(t *testing.T) {
	b := built(t)
	out, code, end := b.start("export", append([]string{"-image-bytes=3000"}, exportArgs...)...)
	if code != exitMendable || end.Bound != ending.ImageSize || !strings.Contains(end.Message, "would hold 2.9 KiB") || strings.Contains(out, "exporter") {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
	b = built(t)
	out, code, end = b.start("export", append([]string{"-cache=registry.invalid/cache:x", "-cache-bytes=1000"}, exportArgs...)...)
	if code != 0 || strings.Contains(out, "-cache-dir") || len(end.Notes) != 1 || end.Notes[0] != "the cache is not kept: it has 2.0 KiB, and may have 1000 bytes" {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
	b = built(t)
	out, code, end = b.start("export", append([]string{"-cache=127.0.0.1:1/cache:x"}, exportArgs...)...)
	if code != 0 || !strings.Contains(out, "-parallel -cache-dir="+b.private+"/cache") {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
}

func TestExportTrouble(t *testing.T) {
	t.Setenv("FAKE_exporter", "say ERROR: failed to export: registry.invalid answers 500; exit 62")
	out, code, end := built(t).start("export", exportArgs...)
	if code != exitTrouble || !strings.Contains(end.Message, "exit code 62: failed to export: registry.invalid answers 500") {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
}

func TestSize(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 1024: "1.0 KiB", 5 << 20: "5.0 MiB", 3 << 29: "1.5 GiB"} {
		if got := size(bytes); got != want {
			t.Errorf("%d: %s, want %s", bytes, got, want)
		}
	}
}
