package cluster

import (
	"github.com/toolforge/toolforged/localcluster/host"
)

// program is one background process of the cluster.
type program struct {
	// name is that of the log file and of the file with the process's number.
	name string
	// path is the executable, empty for this binary, which then takes name as
	// its first argument.
	path string
	args []string
}

func (c Config) etcd() program {
	peer, client := "https://127.0.0.1:2380", "https://127.0.0.1:2379"
	return program{name: "etcd", args: []string{
		"--name=local",
		"--data-dir=" + c.in("etcd"),
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=local=" + peer,
		"--client-cert-auth", "--trusted-ca-file=" + c.pki("ca.crt"),
		"--cert-file=" + c.pki("etcd.crt"), "--key-file=" + c.pki("etcd.key"),
		"--peer-client-cert-auth", "--peer-trusted-ca-file=" + c.pki("ca.crt"),
		"--peer-cert-file=" + c.pki("etcd.crt"), "--peer-key-file=" + c.pki("etcd.key"),
		"--auto-compaction-retention=10m",
		"--log-level=warn",
	}}
}

func (c Config) apiserver() program {
	return program{name: "kube-apiserver", args: []string{
		"--bind-address=" + Gateway, "--advertise-address=" + Gateway, "--secure-port=" + apiPort,
		"--tls-cert-file=" + c.pki("apiserver.crt"), "--tls-private-key-file=" + c.pki("apiserver.key"),
		"--client-ca-file=" + c.pki("ca.crt"),
		"--etcd-servers=https://127.0.0.1:2379", "--etcd-cafile=" + c.pki("ca.crt"),
		"--etcd-certfile=" + c.pki("apiserver-etcd.crt"), "--etcd-keyfile=" + c.pki("apiserver-etcd.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--kubelet-certificate-authority=" + c.pki("ca.crt"),
		"--kubelet-client-certificate=" + c.pki("apiserver-kubelet.crt"),
		"--kubelet-client-key=" + c.pki("apiserver-kubelet.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-signing-key-file=" + c.pki("service-accounts.key"),
		"--service-account-key-file=" + c.pki("service-accounts.key"),
		"--service-cluster-ip-range=" + serviceNet,
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		// Nobody has this name: there are no further API servers behind this one.
		// Without the setting the controllers wait for it and complain.
		"--requestheader-client-ca-file=" + c.pki("ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--audit-policy-file=" + c.conf("audit.yaml"),
		"--audit-log-path=" + c.in("log", "audit.log"),
		"--audit-log-maxsize=100", "--audit-log-maxbackup=2",
	}}
}

func (c Config) controllerManager() program {
	kubeconfig := c.conf("kube-controller-manager.kubeconfig")
	return program{name: "kube-controller-manager", args: []string{
		"--bind-address=127.0.0.1",
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--use-service-account-credentials",
		"--root-ca-file=" + c.pki("ca.crt"),
		"--service-account-private-key-file=" + c.pki("service-accounts.key"),
		"--kube-api-qps=200", "--kube-api-burst=400",
	}}
}

func (c Config) scheduler() program {
	kubeconfig := c.conf("kube-scheduler.kubeconfig")
	return program{name: "kube-scheduler", args: []string{
		"--bind-address=127.0.0.1",
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
		"--leader-elect=false",
		"--kube-api-qps=200", "--kube-api-burst=400",
	}}
}

func (c Config) kubelet() program {
	return program{name: "kubelet", args: []string{
		"--config=" + c.conf("kubelet.yaml"),
		"--kubeconfig=" + c.conf("kubelet.kubeconfig"),
		"--root-dir=" + kubeletDir,
		"--cert-dir=" + c.in("kubelet", "pki"),
		"--hostname-override=" + nodeName,
		"--node-ip=" + Gateway,
	}}
}

func (c Config) proxy() program {
	return program{name: "kube-proxy", args: []string{"--config=" + c.conf("kube-proxy.yaml")}}
}

func (c Config) coredns() program {
	return program{name: "coredns", args: []string{"-conf", c.conf("Corefile")}}
}

func (c Config) containerd() program {
	return program{name: "containerd", path: "containerd", args: []string{
		"--config", c.conf("containerd.toml"), "--log-level", "warn",
	}}
}

func (c Config) registry() program {
	return program{name: "registry", args: []string{
		"--dir=" + c.in("registry"),
		"--credentials=" + c.RegistryCredentials(), "--faults=" + c.RegistryFaults(),
		"--name=" + c.Registry(), "--name=" + registryInPods,
		"--listen=" + c.Registry(), "--listen=" + onBridge(registryPort),
	}}
}

func (c Config) gitserver() program {
	return program{name: "gitserver", args: []string{
		"--dir=" + c.in("git"),
		"--credentials=" + c.GitCredentials(),
		"--name=" + loopback(c.GitPort), "--name=" + GitName + ":" + gitPort,
		"--listen=" + loopback(c.GitPort), "--listen=" + onBridge(gitPort),
	}}
}

func (c Config) ingress() program {
	return program{name: "ingress", args: []string{
		"--kubeconfig=" + c.conf("ingress.kubeconfig"),
		"--sites=" + loopback(c.SitesPort),
		"--status=" + loopback(c.StatusPort),
	}}
}

func (c Config) networkpolicy() program {
	return program{name: "networkpolicy", args: []string{"--kubeconfig=" + c.conf("networkpolicy.kubeconfig")}}
}

// environment is what every program of the cluster is given, whatever the
// environment of whoever starts it.
func (c Config) environment() []string {
	return []string{
		host.Marker + "=" + c.Root,
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + c.Root,
		"LANG=C.UTF-8",
	}
}
