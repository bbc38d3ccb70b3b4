package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/toolforge/toolforged/localcluster/host"
	"github.com/toolforge/toolforged/localcluster/networkpolicy"
)

// startLimit is how long any one part may take until it is ready.
const startLimit = 2 * time.Minute

// Up starts the cluster, unless it already runs as it should, and returns when
// a pod has reached the API server, the registry and the git server by name.
// It tells on out what it does. An error leaves what was started, with its
// logs; the next start clears it away.
func Up(ctx context.Context, c Config, out io.Writer) error {
	if err := c.Validate(); err != nil {
		return err
	}
	unlock, err := lock(out)
	if err != nil {
		return err
	}
	defer unlock()
	s := &starter{Config: c, steps: newSteps(out)}
	if err := s.prepare(); err != nil {
		return err
	}
	if s.alreadyUp(ctx) {
		fmt.Fprintln(out, "==> The cluster is up and healthy already.")
		c.announce(out)
		return nil
	}
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"Looking for the programs it needs", s.install},
		{"Clearing what an earlier cluster left", func(ctx context.Context) error { return host.Clear(ctx, c.Root) }},
		{"Making certificates and configuration", s.configure},
		{"Making the pods' network", s.network},
		{"Starting etcd, containerd, registry and git server", s.storage},
		{"Starting the API server", s.api},
		{"Starting the rest of Kubernetes, DNS, ingress and network policies", s.rest},
		{"Running a pod that reaches everything by name", s.prove},
	} {
		s.steps.begin(step.what)
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	s.steps.finish()
	fmt.Fprintf(out, "==> The cluster is up, after %s.\n", s.steps.total())
	c.announce(out)
	return os.WriteFile(stateFile, []byte(s.digest+"\n"), 0o600)
}

func (c Config) announce(out io.Writer) {
	fmt.Fprintf(out, "    kubeconfig  %s\n", c.Kubeconfig())
	fmt.Fprintf(out, "    git         %s/<name>.git\n", c.GitURL())
	fmt.Fprintf(out, "    registry    %s, in pods %s; DOCKER_CONFIG=%s\n", c.Registry(), registryInPods, c.RegistryCredentials())
	fmt.Fprintf(out, "    sites       http://<tool>.toolforge.localhost:%d/\n", c.SitesPort)
	fmt.Fprintf(out, "    status      http://127.0.0.1:%d/\n", c.StatusPort)
}

// starter is a start under way.
type starter struct {
	Config
	steps    *steps
	image    string
	rendered map[string][]byte
	digest   string
	programs []*running
	client   kubernetes.Interface
	since    time.Time
}

// prepare finds out what would be started, and changes nothing.
func (s *starter) prepare() error {
	_, image, err := s.sandboxLayer()
	if err != nil {
		return err
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("reading the host's name servers: %w", err)
	}
	s.image = image
	s.rendered, err = render(values{Config: s.Config, SandboxImage: image, Nameservers: nameservers(string(resolv))})
	if err != nil {
		return err
	}
	s.digest, err = s.Config.digest(s.rendered)
	return err
}

// parts are all programs, in the order they start.
func (c Config) parts() []program {
	return []program{
		c.etcd(), c.containerd(), c.registry(), c.gitserver(), c.apiserver(),
		c.controllerManager(), c.scheduler(), c.proxy(), c.coredns(), c.kubelet(), c.ingress(), c.networkpolicy(),
	}
}

// alreadyUp reports whether the cluster that would be started runs and is
// healthy.
func (s *starter) alreadyUp(ctx context.Context) bool {
	if runningDigest() != s.digest {
		return false
	}
	for _, p := range s.parts() {
		if !s.isRunning(p.name) {
			return false
		}
	}
	client, err := s.newClient()
	if err != nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	// The kubelet gives a sign of life every 10 s.
	for _, check := range s.checks(client, time.Now().Add(-40*time.Second)) {
		if check.do(ctx) != nil {
			return false
		}
	}
	return true
}

// check is something that has to succeed for the cluster to be called healthy.
type check struct {
	what string
	do   func(context.Context) error
}

func (s *starter) checks(client kubernetes.Interface, since time.Time) []check {
	return []check{
		{"the API server", apiReady(client)},
		{"the registry", s.registryAnswers()},
		{"the git server", answers(s.GitURL() + "/")},
		{"CoreDNS", answers("http://" + corednsReady + "/ready")},
		{"DNS", resolves},
		{"the ingress", listens("tcp", loopback(s.SitesPort))},
		{"the status port", listens("tcp", loopback(s.StatusPort))},
		{"the node", nodeReady(client, since)},
	}
}

func (s *starter) newClient() (kubernetes.Interface, error) {
	config, err := clientcmd.BuildConfigFromFlags("", s.Kubeconfig())
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{})
	return kubernetes.NewForConfig(config)
}

func (s *starter) install(context.Context) error { return host.InstallMissing(s.steps.out) }

func (s *starter) configure(context.Context) error {
	for _, dir := range []string{"log", "run", "kubelet"} {
		if err := os.MkdirAll(s.in(dir), 0o755); err != nil {
			return fmt.Errorf("making the cluster's directory: %w", err)
		}
	}
	// As the directory is made readable for the sake of the kubeconfig's owner
	// only, so are the keys in it: see writeIdentities.
	if err := s.writeIdentities(time.Now()); err != nil {
		return err
	}
	return s.writeFiles(s.rendered)
}

func (s *starter) network(ctx context.Context) error {
	if err := host.PortsFree(s.addresses()); err != nil {
		return fmt.Errorf("%w\n(GIT_PORT, REGISTRY_PORT, SITES_PORT and STATUS_PORT choose other ports for those four)", err)
	}
	if err := foreignNetwork(); err != nil {
		return err
	}
	if err := host.Prepare(s.Root); err != nil {
		return err
	}
	if err := os.MkdirAll(kubeletDir, 0o755); err != nil {
		return err
	}
	if err := host.BindMount(s.in("kubelet"), kubeletDir); err != nil {
		return err
	}
	if err := s.freeAddresses(); err != nil {
		return err
	}
	for _, do := range []func() error{host.MakeCgroups, host.EnableRouting, host.AllowPods} {
		if err := do(); err != nil {
			return err
		}
	}
	// Before the first pod: what follows the policies starts with the others.
	if err := networkpolicy.Close(ctx); err != nil {
		return err
	}
	return host.MakeBridge(Gateway + "/16")
}

// foreignNetwork reports what of somebody else's on this machine cannot be
// beside the cluster.
func foreignNetwork() error {
	for _, cidr := range []string{podNetwork, serviceNet} {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			return err
		}
		device, err := host.AddressTaken(network)
		if err != nil {
			return err
		}
		if device != "" {
			return fmt.Errorf("the network %s is in use by the device %s; the cluster cannot be beside it", cidr, device)
		}
	}
	foreign, err := host.ForeignKubernetes()
	if err != nil {
		return err
	}
	if foreign {
		return fmt.Errorf("there are firewall rules of another Kubernetes node on this machine; the cluster cannot be beside it")
	}
	return nil
}
