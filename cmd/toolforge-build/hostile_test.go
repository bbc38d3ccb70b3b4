package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestHostile has builds leave what would make the exporter, which holds the registry's credential, read what it must not, wait,
// or fail in a way that looks like the platform's trouble and is tried again for ever. It is not even started.
func TestHostile(t *testing.T) {
	link := func(target, name string) func(*bench) {
		return func(b *bench) {
			path := filepath.Join(filepath.Dir(b.private), name)
			if err := os.RemoveAll(path); err != nil {
				b.t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				b.t.Fatal(err)
			}
			if err := os.Symlink(strings.ReplaceAll(target, "PRIVATE", b.private), path); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	pipe := func(name string) func(*bench) {
		return func(b *bench) {
			path := filepath.Join(filepath.Dir(b.private), name)
			os.Remove(path)
			if err := syscall.Mkfifo(path, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	file := func(name, content string) func(*bench) { return func(b *bench) { b.write(name, content) } }
	deep := func(open string) string { return "a = " + strings.Repeat(open, 100_000) }
	const config = "layers/config/metadata.toml"
	for _, test := range []struct {
		name string
		do   func(*bench)
		says string
	}{
		{"the layers are a link", link("/etc", "layers"), "a symbolic link at"},
		{"the source is a link", link("PRIVATE", "workspace"), "a symbolic link at"},
		{"group.toml is a link", link("PRIVATE/config.json", "layers/group.toml"), "a symbolic link at"},
		{"group.toml is a pipe", pipe("layers/group.toml"), "a named pipe at"},
		{"group.toml is gone", func(b *bench) { os.Remove(filepath.Join(b.layers, "group.toml")) }, "the build left no file"},
		{"group.toml is huge", file("layers/group.toml", strings.Repeat("#", 2<<20)), "it may have 512.0 KiB"},
		{"group.toml is deep", file("layers/group.toml", deep("[")), "nested more than"},
		{"group.toml is no TOML", file("layers/group.toml", "{"), "is not as it should be"},
		{"group.toml is empty", file("layers/group.toml", ""), "0 buildpacks"},
		{"many buildpacks", file("layers/group.toml", strings.Repeat("[[group]]\nid='a'\n", 101)), "101 buildpacks"},
		{"a buildpack that leads up", file("layers/group.toml", "[[group]]\nid='..'\n"), `the buildpack id ".."`},
		{"a buildpack that leads to secrets", file("layers/group.toml", "[[group]]\nid='../../private'\n"), `the buildpack id "../../private"`},
		{"a buildpack at the root", file("layers/group.toml", "[[group]]\nid='/registry-credentials'\n"), "the buildpack id"},
		{"a buildpack here", file("layers/group.toml", "[[group]]\nid='.'\n"), "the buildpack id"},
		{"a buildpack that is the configuration", file("layers/group.toml", "[[group]]\nid='config'\n"), "is reserved"},
		{"analyzed.toml is a link", link("PRIVATE/analyzed.toml", "layers/analyzed.toml"), "a symbolic link at"},
		{"analyzed.toml is huge", file("layers/analyzed.toml", strings.Repeat("#", 9<<20)), "it may have 8.0 MiB"},
		{"plan.toml is a link", link("PRIVATE/config.json", "layers/plan.toml"), "a symbolic link at"},
		{"report.toml is a pipe", pipe("layers/report.toml"), "a named pipe at"},

		{"metadata.toml is a link", link("PRIVATE/config.json", config), "a symbolic link at"},
		{"metadata.toml is a pipe", pipe(config), "a named pipe at"},
		{"metadata.toml is huge", file(config, strings.Repeat("#", 2<<20)), "it may have 512.0 KiB"},
		{"metadata.toml is deep", file(config, deep("[")), "nested more than"},
		{"metadata.toml is deep in tables", file(config, deep("{a=")), "nested more than"},
		{"metadata.toml is deep in keys", file(config, strings.Repeat("a.", 10_000)+"a = 1"), "nested more than"},
		{"metadata.toml is of another shape", file(config, "labels = 7"), "is not as it should be"},
		{"metadata.toml has other names", func(b *bench) {
			if err := os.Link(filepath.Join(b.layers, "config", "metadata.toml"), filepath.Join(b.layers, "other")); err != nil {
				b.t.Fatal(err)
			}
		}, "that has other names too"},
		{"the configuration is a link", link("PRIVATE", "layers/config"), "a symbolic link at"},
		{"the configuration holds a link", link("PRIVATE/config.json", "layers/config/x"), "a symbolic link at"},
		{"the lifecycle's labels", file(config, "[[labels]]\nkey='io.buildpacks.lifecycle.metadata'\nvalue='{}'"), "io.buildpacks.lifecycle.metadata"},
		{"the platform's labels", file(config, "[[labels]]\nkey='toolforge.org/build-key'\nvalue='x'"), "toolforge.org/build-key"},
		{"the commit's label", file(config, "[[labels]]\nkey='org.opencontainers.image.revision'\nvalue='x'"), "org.opencontainers.image.revision"},
		{"labels in one line", file(config, "labels=[{key='io.buildpacks.build.metadata',value='x'}]"), "io.buildpacks.build.metadata"},
		{"many labels", file(config, strings.Repeat("[[labels]]\nkey='a'\nvalue='x'\n", 201)), "201 labels"},
		{"many process types", file(config, strings.Repeat("[[processes]]\ntype='a'\n", 101)), "101 process types"},
		{"a process type that is a path", file(config, "[[processes]]\ntype='../../bin/sh'\n"), "process type"},
		{"a slice of all", file(config, "[[slices]]\npaths=['../../private/*']\n"), "leads out of the source"},
		{"a slice at the root", file(config, "[[slices]]\npaths=['/registry-credentials/*']\n"), "leads out of the source"},

		{"a buildpack's layers are a link", link("PRIVATE", "layers/toolforge_nodejs"), "a symbolic link at"},
		{"a layer is a link", link("PRIVATE", "layers/toolforge_nodejs/modules"), "a symbolic link at"},
		{"a layer's description is a link", link("PRIVATE/config.json", "layers/toolforge_nodejs/modules.toml"), "a symbolic link at"},
		{"a layer's description is a pipe", pipe("layers/toolforge_nodejs/modules.toml"), "a named pipe at"},
		{"a layer's description is huge", file("layers/toolforge_nodejs/x.toml", strings.Repeat("#", 2<<20)), "it may have 512.0 KiB"},
		{"a layer's description is deep", file("layers/toolforge_nodejs/x.toml", deep("[")), "nested more than"},
		{"a layer's description is no TOML", file("layers/toolforge_nodejs/x.toml", "="), "is not as it should be"},
		{"many descriptions", func(b *bench) {
			for i := range 5 {
				b.write(fmt.Sprintf("layers/toolforge_nodejs/x%d.toml", i), strings.Repeat("#", 500<<10))
			}
		}, "more than 2.0 MiB"},
		{"a layer's hash is a link", link("PRIVATE/config.json", "layers/toolforge_nodejs/modules.sha"), "a symbolic link at"},
		{"a layer's SBOM is a link", link("PRIVATE/config.json", "layers/toolforge_nodejs/modules.sbom.spdx.json"), "a symbolic link at"},
		{"a layer's SBOM is huge", func(b *bench) {
			path := filepath.Join(b.layers, "toolforge_nodejs", "modules.sbom.spdx.json")
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				b.t.Fatal(err)
			}
			if err := os.Truncate(path, 1<<40); err != nil {
				b.t.Fatal(err)
			}
		}, "it may have 64.0 MiB"},
		{"the SBOM is a link", link("PRIVATE", "layers/sbom"), "a symbolic link at"},
		{"the SBOM holds a link", link("PRIVATE", "layers/sbom/launch/buildpacksio_lifecycle"), "a symbolic link at"},
		{"the SBOM holds a pipe", pipe("layers/sbom/launch/pipe"), "a named pipe at"},

		{"a link in a layer leads to secrets", link("PRIVATE/config.json", "layers/toolforge_nodejs/modules/link"), "that leads to"},
		{"a link in the source leads to secrets", link("../private/../private/config.json", "workspace/link"), "that leads to"},
		{"a link leads to the credentials", link("/registry-credentials/config.json", "workspace/link"), "that leads to"},
		{"a pipe in a layer", pipe("layers/toolforge_nodejs/modules/pipe"), "a named pipe at"},
		{"a pipe in the source", pipe("workspace/pipe"), "a named pipe at"},
		{"a socket in the source", func(b *bench) {
			listener, err := net.Listen("unix", filepath.Join(b.workspace, "s"))
			if err != nil {
				b.t.Skip(err) // the path is too long here
			}
			b.t.Cleanup(func() { listener.Close() })
		}, "a socket at"},
		{"a device in the source", func(b *bench) {
			if err := syscall.Mknod(filepath.Join(b.workspace, "null"), syscall.S_IFCHR|0o666, 1<<8|3); err != nil {
				b.t.Skip(err) // only root can
			}
		}, "a device at"},
		{"a huge file that takes no room", func(b *bench) {
			path := filepath.Join(b.workspace, "sparse")
			if err := os.WriteFile(path, nil, 0o644); err != nil {
				b.t.Fatal(err)
			}
			if err := os.Truncate(path, 1<<40); err != nil {
				b.t.Fatal(err)
			}
		}, "the image would hold 1024.0 GiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("DOCKER_CONFIG", "/registry-credentials")
			b := built(t)
			b.write("private/config.json", `{"auths":{"registry.invalid":{"auth":"c2VjcmV0"}}}`)
			test.do(b)
			out, code, end := b.start("export", exportArgs...)
			if code != exitMendable || !strings.Contains(end.Message, test.says) {
				t.Errorf("exit %d, %q; want %d and %q", code, end.Message, exitMendable, test.says)
			}
			if strings.Contains(out, "exporter") {
				t.Errorf("the exporter ran: %s", out)
			}
			if strings.Contains(out+end.Message, "c2VjcmV0") {
				t.Errorf("it shows a secret: %s", out)
			}
		})
	}
}

// The tables, pipes and links that are in ordinary builds are let through.
func TestHarmless(t *testing.T) {
	b := built(t)
	for target, name := range map[string]string{"../lib/x": "workspace/bin", "/dev/stdout": "workspace/log", "/nowhere": "layers/toolforge_nodejs/modules/gone"} {
		if err := os.Symlink(target, filepath.Join(filepath.Dir(b.private), name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(filepath.Join(b.workspace, "server.js"), filepath.Join(b.workspace, "again.js")); err != nil {
		t.Fatal(err)
	}
	b.write("layers/config/metadata.toml", goodMetadata+"\n[[processes]]\ntype = \"odd\"\ncommand = [\"bash\", \"-c\", \"x=([[a]] {b} . . .)\"]\n[[slices]]\npaths = [\"static/**\", \"*.js\"]\n")
	b.write("layers/toolforge_nodejs/other.toml", "[types]\nlaunch = true\n[metadata.a.b.c]\nd = [[1, 2], [3]]\n")
	if out, code, end := b.start("export", exportArgs...); code != 0 {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
}

func FuzzMetadata(f *testing.F) {
	f.Add(goodMetadata)
	f.Add("labels=[{key='a.b',value='x'}]\na.b.c=[[],[{}]]\n")
	f.Add("[[labels]]\nkey=\"io.buildpacks.\\u0078\"\n")
	f.Fuzz(func(t *testing.T, content string) {
		dir := t.TempDir()
		e := exporting{places: places{layers: dir, private: dir}, labels: map[string]string{"toolforge.org/build-key": "key"}}
		if err := os.Mkdir(filepath.Join(dir, "config"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(e.metadataFile(), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		metadata, err := e.readMetadata()
		if err != nil {
			if !mendable(err) {
				t.Fatalf("nobody can mend %v", err)
			}
			return
		}
		if err := e.rewrite(leftover{metadata: metadata}); err != nil {
			if !mendable(err) {
				t.Fatalf("nobody can mend %v", err)
			}
			return
		}
		var read buildMetadata
		if err := decode(e.metadataFile(), &read); err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		last := read.Labels[len(read.Labels)-1]
		if last.Key != "toolforge.org/build-key" || last.Value != "key" {
			t.Errorf("the platform's label is %+v", last)
		}
		for _, label := range read.Labels[:len(read.Labels)-1] {
			if strings.HasPrefix(label.Key, "io.buildpacks.") || strings.HasPrefix(label.Key, "toolforge.org/") {
				t.Errorf("a label of the platform's: %q", label.Key)
			}
		}
	})
}
