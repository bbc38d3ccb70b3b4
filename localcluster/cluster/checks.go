package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// listens succeeds when a connection to address can be made.
func listens(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		dialer := net.Dialer{Timeout: time.Second}
		conn, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// answers succeeds when url is answered with a status below 500.
func answers(url string) func(context.Context) error {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode >= 500 {
			return fmt.Errorf("%s answers %s", url, response.Status)
		}
		return nil
	}
}

func (c Config) registryAnswers() func(context.Context) error {
	return answers("http://" + c.Registry() + "/v2/")
}

// etcdReady succeeds when etcd takes a client with a certificate.
func (c Config) etcdReady(ctx context.Context) error {
	ca, err := os.ReadFile(c.pki("ca.crt"))
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	pair, err := tls.LoadX509KeyPair(c.pki("apiserver-etcd.crt"), c.pki("apiserver-etcd.key"))
	if err != nil {
		return err
	}
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{pair}},
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://127.0.0.1:2379/readyz", nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("etcd answers %s", response.Status)
	}
	return nil
}

func apiReady(client kubernetes.Interface) func(context.Context) error {
	return func(ctx context.Context) error {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
	}
}

// nodeReady succeeds when the node is ready and has given a sign of life since
// then. An older readiness is that of a kubelet that may be no more.
func nodeReady(client kubernetes.Interface, since time.Time) func(context.Context) error {
	return func(ctx context.Context) error {
		node, err := client.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady })
		if i < 0 {
			return errors.New("the node has not told how it is")
		}
		ready := node.Status.Conditions[i]
		if ready.Status != corev1.ConditionTrue {
			return fmt.Errorf("the node is not ready: %s", ready.Message)
		}
		// The condition's time has no fractions of a second.
		if !ready.LastHeartbeatTime.Time.Before(since.Truncate(time.Second)) {
			return nil
		}
		lease, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Get(ctx, nodeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		if lease.Spec.RenewTime == nil || lease.Spec.RenewTime.Time.Before(since) {
			return errors.New("the kubelet has not given a sign of life")
		}
		return nil
	}
}

// resolves succeeds when the cluster's DNS knows the names of the registry and
// of the API server's Service.
func resolves(ctx context.Context) error {
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		dialer := net.Dialer{Timeout: time.Second}
		return dialer.DialContext(ctx, network, onBridge("53"))
	}}
	for name, want := range map[string]string{
		RegistryName + ".":                      Gateway,
		GitName + ".":                           Gateway,
		"kubernetes.default.svc.cluster.local.": serviceAPI,
	} {
		got, err := resolver.LookupHost(ctx, name)
		if err != nil {
			return err
		}
		if len(got) != 1 || got[0] != want {
			return fmt.Errorf("%s resolves to %v, not %s", name, got, want)
		}
	}
	return nil
}
