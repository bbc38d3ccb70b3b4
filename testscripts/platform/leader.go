package platform

import (
	"context"
	"fmt"
	"strings"

	coordinationv1 "k8s.io/api/coordination/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The names that the chart gives: the daemon's namespace, and the Lease of the leader, of which there is one: the platform
// has one shard.
const (
	daemonNamespace = "toolforged"
	daemonLease     = "toolforged-0"
)

// leader is the name of the pod whose process holds the Lease, and that process's metrics. It fails when nobody does: the
// Lease of one that was killed names it for some seconds more, but no process says any more that it leads.
func (p *Platform) leader(ctx context.Context) (pod, metrics string, err error) {
	var lease coordinationv1.Lease
	if err := p.Client.Get(ctx, client.ObjectKey{Namespace: daemonNamespace, Name: daemonLease}, &lease); err != nil {
		return "", "", fmt.Errorf("read the Lease of the leader: %w", err)
	}
	if lease.Spec.HolderIdentity == nil {
		return "", "", fmt.Errorf("nobody holds the Lease")
	}
	// It is the host's name, which is the pod's, and an id of the process.
	pod, _, _ = strings.Cut(*lease.Spec.HolderIdentity, "_")
	if pod == "" {
		return "", "", fmt.Errorf("nobody holds the Lease")
	}
	// The Service may reach any replica; this is one of its pods.
	data, err := p.pods.CoreV1().Pods(daemonNamespace).ProxyGet("http", pod, "8080", "metrics", nil).DoRaw(ctx)
	if err != nil {
		return "", "", fmt.Errorf("read the metrics of pod %s: %w", pod, err)
	}
	metrics = string(data)
	if sum(metrics, `leader_election_master_status{name="`+daemonLease+`"`) != 1 {
		return "", "", fmt.Errorf("the process in pod %s does not lead", pod)
	}
	return pod, metrics, nil
}
