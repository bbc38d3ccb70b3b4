package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/reconcile"
)

const (
	// addressLabel of a Lease says where its holder answers HTTP requests.
	addressLabel = "toolforge.org/address"
	// peerTimeout bounds a request to another replica, and maxPeerAnswer the bytes of its answer.
	peerTimeout   = 2 * time.Second
	maxPeerAnswer = 8 << 20

	inClusterNamespace = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// peers are the replicas that lead, of all shards, and whether this one is among them.
type peers struct {
	leases    client.Reader
	namespace string
	own       reconcile.Shard
	elected   <-chan struct{}
	http      http.Client
}

func newPeers(leases client.Reader, o options, elected <-chan struct{}) (*peers, error) {
	p := &peers{leases: leases, namespace: o.leaseNamespace, own: o.part(), elected: elected}
	p.http = http.Client{
		Timeout:       peerTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute}, // no proxy
	}
	if p.namespace == "" {
		namespace, err := os.ReadFile(inClusterNamespace)
		if err != nil {
			return nil, fmt.Errorf("find out the daemon's namespace: name it by --lease-namespace: %w", err)
		}
		p.namespace = strings.TrimSpace(string(namespace))
	}
	return p, nil
}

// leads tells whether this replica does the work of its shard.
func (p *peers) leads() bool {
	select {
	case <-p.elected:
		return true
	default:
		return false
	}
}

// others are the shards whose leader is another replica.
func (p *peers) others() []reconcile.Shard {
	var others []reconcile.Shard
	for i := range max(1, p.own.Count) {
		if shard := (reconcile.Shard{Index: i, Count: p.own.Count}); shard != p.own || !p.leads() {
			others = append(others, shard)
		}
	}
	return others
}

var errNoLeader = errors.New("no replica leads, or it does not say where it answers")

// address is where the leader of a shard answers: http://host:port.
func (p *peers) address(ctx context.Context, shard reconcile.Shard) (string, error) {
	var lease coordinationv1.Lease
	if err := p.leases.Get(ctx, client.ObjectKey{Namespace: p.namespace, Name: shard.Lease()}, &lease); err != nil {
		return "", fmt.Errorf("read the Lease of shard %d: %w", shard.Index, err)
	}
	address, err := decodeAddress(lease.Labels[addressLabel])
	if err != nil || lease.Spec.HolderIdentity == nil || *lease.Spec.HolderIdentity == "" {
		return "", fmt.Errorf("shard %d: %w", shard.Index, errNoLeader)
	}
	return "http://" + address.String(), nil
}

// get asks the leader of a shard.
func (p *peers) get(ctx context.Context, shard reconcile.Shard, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	address, err := p.address(ctx, shard)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the leader of shard %d: %w", shard.Index, err)
	}
	response, err := p.http.Do(request)
	if err != nil {
		return nil, fmt.Errorf("ask the leader of shard %d: %w", shard.Index, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("ask the leader of shard %d: it answered %s", shard.Index, response.Status)
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxPeerAnswer))
	if err != nil {
		return nil, fmt.Errorf("read what the leader of shard %d answers: %w", shard.Index, err)
	}
	return answer, nil
}

// leaseLabels say where this replica answers; none when it was not told.
func leaseLabels(o options) map[string]string {
	address, err := o.peer()
	if err != nil {
		return nil
	}
	return map[string]string{addressLabel: encodeAddress(address)}
}

// encodeAddress writes an address as the value of a label can be: without colons.
func encodeAddress(address netip.AddrPort) string {
	return fmt.Sprintf("%s_%d", strings.ReplaceAll(address.Addr().StringExpanded(), ":", "-"), address.Port())
}

func decodeAddress(text string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(text, "_")
	return netip.ParseAddrPort(net.JoinHostPort(strings.ReplaceAll(host, "-", ":"), port))
}
