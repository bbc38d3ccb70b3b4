package cluster

import (
	"fmt"
	"net"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/toolforge/toolforged/localcluster/pki"
)

// watchers is the group of the programs that only look, and its role's name.
const watchers = "toolforged-local:watchers"

// identity is who a program is to the API server.
type identity struct {
	file   string
	name   string
	groups []string
}

func (c Config) identities() []identity {
	return []identity{
		{c.Kubeconfig(), "admin", []string{"system:masters"}},
		{c.conf("kube-controller-manager.kubeconfig"), "system:kube-controller-manager", nil},
		{c.conf("kube-scheduler.kubeconfig"), "system:kube-scheduler", nil},
		{c.conf("kubelet.kubeconfig"), "system:node:" + nodeName, []string{"system:nodes"}},
		{c.conf("kube-proxy.kubeconfig"), "system:kube-proxy", nil},
		{c.conf("coredns.kubeconfig"), "toolforged-local:coredns", []string{watchers}},
		{c.conf("ingress.kubeconfig"), "toolforged-local:ingress", []string{watchers}},
		{c.conf("networkpolicy.kubeconfig"), "toolforged-local:networkpolicy", []string{watchers}},
	}
}

// writeIdentities makes all certificates, keys and kubeconfig files.
func (c Config) writeIdentities(now time.Time) error {
	for _, dir := range []string{c.in("pki"), c.in("config")} {
		// Keys are in there; nobody but the owner has to look.
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("making a directory for keys: %w", err)
		}
	}
	ca, err := pki.Open(c.in("pki"), now)
	if err != nil {
		return err
	}
	if _, err := pki.SigningKey(c.pki("service-accounts.key")); err != nil {
		return fmt.Errorf("making the key of service account tokens: %w", err)
	}
	for _, id := range c.identities() {
		if err := writeKubeconfig(ca, id); err != nil {
			return err
		}
	}
	return c.writeCertificates(ca)
}

// writeCertificates makes those that are files: servers', and the API server's
// as a client.
func (c Config) writeCertificates(ca *pki.Authority) error {
	local, gateway := net.ParseIP("127.0.0.1"), net.ParseIP(Gateway)
	makers := map[string]func() (pki.Pair, error){
		"etcd": func() (pki.Pair, error) { return ca.Server("etcd", []string{"localhost"}, []net.IP{local}) },
		"kubelet-server": func() (pki.Pair, error) {
			return ca.Server(nodeName, []string{nodeName}, []net.IP{gateway})
		},
		"apiserver": func() (pki.Pair, error) {
			names := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
			return ca.Server("kube-apiserver", names, []net.IP{gateway, net.ParseIP(serviceAPI), local})
		},
		"apiserver-etcd":    func() (pki.Pair, error) { return ca.Client("kube-apiserver") },
		"apiserver-kubelet": func() (pki.Pair, error) { return ca.Client("kube-apiserver", "system:masters") },
	}
	for name, make := range makers {
		pair, err := make()
		if err != nil {
			return err
		}
		if err := os.WriteFile(c.pki(name+".crt"), pair.Cert, 0o644); err != nil {
			return err
		}
		if err := os.WriteFile(c.pki(name+".key"), pair.Key, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func writeKubeconfig(ca *pki.Authority, id identity) error {
	pair, err := ca.Client(id.name, id.groups...)
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["local"] = &clientcmdapi.Cluster{Server: apiURL, CertificateAuthorityData: ca.CertPEM()}
	config.AuthInfos[id.name] = &clientcmdapi.AuthInfo{ClientCertificateData: pair.Cert, ClientKeyData: pair.Key}
	config.Contexts["local"] = &clientcmdapi.Context{Cluster: "local", AuthInfo: id.name}
	config.CurrentContext = "local"
	if err := clientcmd.WriteToFile(*config, id.file); err != nil {
		return fmt.Errorf("writing the kubeconfig of %s: %w", id.name, err)
	}
	return nil
}
