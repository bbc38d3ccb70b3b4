package cluster

import (
	"bytes"
	"embed"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/toolforge/toolforged/localcluster/host"
)

//go:embed templates
var templates embed.FS

// files maps each template to its place below the config directory.
var files = map[string]string{
	"Corefile":        "Corefile",
	"hosts":           "hosts",
	"resolv.conf":     "resolv.conf",
	"containerd.toml": "containerd.toml",
	"hosts.toml":      "certs.d/" + registryInPods + "/hosts.toml",
	"cni.conflist":    "cni/10-toolforged.conflist",
	"kubelet.yaml":    "kubelet.yaml",
	"kube-proxy.yaml": "kube-proxy.yaml",
	"audit.yaml":      "audit.yaml",
}

// values are what templates may refer to.
type values struct {
	Config
	SandboxImage string
	Nameservers  []string
}

func (values) Gateway() string          { return Gateway }
func (values) PodNetwork() string       { return podNetwork }
func (values) RegistryName() string     { return RegistryName }
func (values) GitName() string          { return GitName }
func (values) NodeName() string         { return nodeName }
func (values) KubeletPort() string      { return kubeletPort }
func (values) CorednsHealth() string    { return corednsHealth }
func (values) CorednsReady() string     { return corednsReady }
func (values) ContainerdSocket() string { return containerdSocket }
func (values) RunDir() string           { return host.RunDir }
func (values) Bridge() string           { return host.Bridge }
func (values) CNINetwork() string       { return host.CNINetwork }
func (values) CNIPlugins() string       { return host.CNIPlugins }
func (values) CgroupRoot() string       { return host.CgroupRoot }

// render returns the content of every configuration file by its place.
func render(v values) (map[string][]byte, error) {
	parsed, err := template.New("").Option("missingkey=error").ParseFS(templates, "templates/*")
	if err != nil {
		return nil, fmt.Errorf("reading the templates: %w", err)
	}
	rendered := map[string][]byte{}
	for name, place := range files {
		var out bytes.Buffer
		if err := parsed.ExecuteTemplate(&out, name, v); err != nil {
			return nil, fmt.Errorf("rendering %s: %w", name, err)
		}
		rendered[place] = out.Bytes()
	}
	return rendered, nil
}

// writeFiles writes rendered files below the config directory.
func (c Config) writeFiles(rendered map[string][]byte) error {
	for place, content := range rendered {
		path := c.conf(place)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making a configuration directory: %w", err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return fmt.Errorf("writing a configuration file: %w", err)
		}
	}
	return nil
}

// nameservers are the IP addresses that text, in the form of
// /etc/resolv.conf, names: three at most, as resolvers do.
func nameservers(text string) []string {
	var found []string
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && fields[0] == "nameserver" && net.ParseIP(fields[1]) != nil && len(found) < 3 {
			found = append(found, fields[1])
		}
	}
	return found
}
