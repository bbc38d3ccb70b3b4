// Package cluster knows what the local cluster consists of, how each part is
// configured and in which order they start. It does not know how the parts
// work, nor how what they leave on the machine is found again.
// The entry points are [Up] and [Down].
package cluster

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/toolforge/toolforged/localcluster/host"
)

// The pods' network, the same on every machine. Host programs that pods reach
// listen on Gateway.
const (
	Gateway     = "10.88.0.1"
	podNetwork  = "10.88.0.0/16"
	serviceNet  = "10.96.0.0/16"
	serviceAPI  = "10.96.0.1" // the first address of serviceNet
	nodeName    = "toolforged-local"
	apiPort     = "6443"
	kubeletPort = "10250"
)

// The names of registry and git server, which mean the same to pods, to
// containerd and to whoever writes a reference down. Their ports are fixed;
// on the host itself they are at the ports of [Config].
const (
	RegistryName = "registry.toolforge.local"
	GitName      = "git.toolforge.local"
	registryPort = "5000"
	gitPort      = "3000"

	// registryInPods is the registry's part of a reference.
	registryInPods = RegistryName + ":" + registryPort
)

// Config is what can be chosen about a cluster.
type Config struct {
	// Root is the absolute path of the directory with all of the cluster's
	// state.
	Root string
	// Program is the absolute path of the localcluster binary. The programs
	// pause and probe are beside it.
	Program string
	// Ports on 127.0.0.1.
	GitPort, RegistryPort, SitesPort, StatusPort int
}

// Validate reports what in c cannot work.
func (c Config) Validate() error {
	for _, path := range []string{c.Root, c.Program} {
		if !filepath.IsAbs(path) || filepath.Clean(path) == "/" {
			return fmt.Errorf("%q must be an absolute path below /", path)
		}
		// It goes into configuration files of five forms.
		if strings.ContainsAny(path, " \t\n\"'`\\{}[],:;#$*?") {
			return fmt.Errorf("the path %q must hold no spaces, quotes or other special characters", path)
		}
	}
	seen := map[string]bool{}
	for _, address := range c.addresses() {
		if seen[address] {
			return fmt.Errorf("the address %s is wanted twice; choose another port", address)
		}
		seen[address] = true
	}
	for _, port := range []int{c.GitPort, c.RegistryPort, c.SitesPort, c.StatusPort} {
		if port < 1 || port > 65535 {
			return fmt.Errorf("port %d must be between 1 and 65535", port)
		}
	}
	return nil
}

// Where things are in the cluster's directory.

func (c Config) in(parts ...string) string {
	return filepath.Join(append([]string{c.Root}, parts...)...)
}

func (c Config) conf(name string) string { return c.in("config", name) }
func (c Config) pki(name string) string  { return c.in("pki", name) }

// Kubeconfig is the administrator's, for people and tests.
func (c Config) Kubeconfig() string { return c.in("kubeconfig") }

// GitCredentials is the file with user and password of private repositories,
// in the form of git's own credential store.
func (c Config) GitCredentials() string { return c.in("git-credentials") }

// RegistryCredentials is the directory with the account that may write to the
// registry, for clients' DOCKER_CONFIG.
func (c Config) RegistryCredentials() string { return c.in("registry-credentials") }

// RegistryFaults is the file that has requests to the registry go wrong, when
// somebody writes it.
func (c Config) RegistryFaults() string { return c.in("registry-faults.json") }

// GitURL is the git server's address on the host.
func (c Config) GitURL() string { return "http://" + loopback(c.GitPort) }

// Registry is the registry's address on the host.
func (c Config) Registry() string { return loopback(c.RegistryPort) }

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func onBridge(port string) string { return net.JoinHostPort(Gateway, port) }

var apiURL = "https://" + onBridge(apiPort)

const (
	containerdSocket = host.RunDir + "/containerd.sock"
	kubeletDir       = host.RunDir + "/kubelet"
)

// addresses are all that the cluster listens on, other than ports chosen by
// the kernel.
func (c Config) addresses() []string {
	return []string{
		loopback(c.GitPort), loopback(c.RegistryPort), loopback(c.SitesPort), loopback(c.StatusPort),
		"127.0.0.1:2379", "127.0.0.1:2380", // etcd
		"127.0.0.1:10248",                    // kubelet's health
		"127.0.0.1:10249", "127.0.0.1:10256", // kube-proxy's metrics and health
		"127.0.0.1:10257", "127.0.0.1:10259", // controller manager, scheduler
		corednsHealth, corednsReady,
	}
}

const (
	corednsHealth = "127.0.0.1:10280"
	corednsReady  = "127.0.0.1:10281"
)
