package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"
)

func testConfig(t *testing.T) Config {
	return Config{
		Root: filepath.Join(t.TempDir(), ".local"), Program: "/x/bin/localcluster",
		GitPort: 3000, RegistryPort: 5000, SitesPort: 8080, StatusPort: 8081,
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"relative":       func(c *Config) { c.Root = "x/.local" },
		"root":           func(c *Config) { c.Root = "/" },
		"spaces":         func(c *Config) { c.Root = "/my files/.local" },
		"quotes":         func(c *Config) { c.Root = `/my"files/.local` },
		"port too large": func(c *Config) { c.GitPort = 65536 },
		"port zero":      func(c *Config) { c.StatusPort = 0 },
		"port twice":     func(c *Config) { c.SitesPort = c.GitPort },
		"port of etcd":   func(c *Config) { c.SitesPort = 2379 },
	} {
		c := testConfig(t)
		if err := c.Validate(); err != nil {
			t.Fatal(err)
		}
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRender(t *testing.T) {
	c := testConfig(t)
	rendered, err := render(values{Config: c, SandboxImage: "toolforge.local/pause:1", Nameservers: []string{"192.0.2.53"}})
	if err != nil {
		t.Fatal(err)
	}
	for place, content := range rendered {
		if strings.Contains(string(content), "{{") || strings.Contains(string(content), "<no value>") {
			t.Errorf("%s is not complete:\n%s", place, content)
		}
		var parsed any
		switch filepath.Ext(place) {
		case ".yaml":
			if err := yaml.UnmarshalStrict(content, &parsed); err != nil {
				t.Errorf("%s: %v", place, err)
			}
		case ".conflist":
			if err := json.Unmarshal(content, &parsed); err != nil {
				t.Errorf("%s: %v", place, err)
			}
		}
	}
	if !strings.Contains(string(rendered["Corefile"]), "forward . 192.0.2.53 {") {
		t.Errorf("names are not asked for outside:\n%s", rendered["Corefile"])
	}
	without, err := render(values{Config: c})
	if err != nil || strings.Contains(string(without["Corefile"]), "forward") {
		t.Errorf("without name servers: %v\n%s", err, without["Corefile"])
	}
}

func TestNameservers(t *testing.T) {
	text := "# a comment\nnameserver 192.0.2.1\nsearch example.org\nnameserver\nnameserver bad}{\n nameserver fd00::1 # x\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
	if diff := cmp.Diff([]string{"192.0.2.1", "fd00::1", "192.0.2.2"}, nameservers(text)); diff != "" {
		t.Error(diff)
	}
}

func FuzzNameservers(f *testing.F) {
	f.Add("nameserver 192.0.2.1\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, server := range nameservers(text) {
			if strings.ContainsAny(server, " \t\n{}\"") {
				t.Errorf("%q would end up in a configuration file", server)
			}
		}
	})
}

func TestIdentities(t *testing.T) {
	c := testConfig(t)
	if err := c.writeIdentities(time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)); err != nil {
		t.Fatal(err)
	}
	for _, id := range c.identities() {
		config, err := clientcmd.BuildConfigFromFlags("", id.file)
		if err != nil {
			t.Errorf("%s: %v", id.name, err)
			continue
		}
		if config.Host != "https://10.88.0.1:6443" || len(config.CAData) == 0 || len(config.KeyData) == 0 {
			t.Errorf("%s: incomplete", id.file)
		}
		if info, err := os.Stat(id.file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s can be read by others: %v, %v", id.file, info.Mode(), err)
		}
	}
}

func TestDigestChangesWithWhatMatters(t *testing.T) {
	c := testConfig(t)
	c.Program = filepath.Join(t.TempDir(), "localcluster")
	write := func(content string) {
		if err := os.WriteFile(c.Program, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	digest := func(c Config, files map[string][]byte) string {
		d, err := c.digest(files)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	files := map[string][]byte{"a": []byte("1")}
	write("one")
	first := digest(c, files)
	if digest(c, files) != first {
		t.Error("it changes by itself")
	}
	port := c
	port.GitPort++
	if digest(port, files) == first || digest(c, map[string][]byte{"a": []byte("2")}) == first {
		t.Error("it does not change with the configuration")
	}
	write("two")
	if digest(c, files) == first {
		t.Error("it does not change with the binary")
	}
}

func TestSandboxImage(t *testing.T) {
	c := testConfig(t)
	c.Program = filepath.Join(t.TempDir(), "localcluster")
	if _, _, err := c.sandboxLayer(); err == nil {
		t.Error("without the programs there is an image")
	}
	for _, name := range sandboxPrograms {
		if err := os.WriteFile(filepath.Join(filepath.Dir(c.Program), name), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	layer, image, err := c.sandboxLayer()
	if err != nil {
		t.Fatal(err)
	}
	img, err := sandboxImage(layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil || config.Config.Entrypoint[0] != "/pause" || len(config.RootFS.DiffIDs) != 1 {
		t.Errorf("%s has the configuration %+v, %v", image, config, err)
	}
}

func TestFreeAddresses(t *testing.T) {
	c := testConfig(t)
	dir := c.in("cni", "toolforged")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"10.88.1.7", "10.88.1.8", "last_reserved_ip.0", "lock"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.freeAddresses(); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte(strings.Repeat("filler\n", 10000)+"one\ntwo\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := tail(path, 2); got != "one\ntwo" {
		t.Errorf("%q", got)
	}
}
