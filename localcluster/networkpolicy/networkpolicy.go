// Package networkpolicy puts NetworkPolicy objects into effect: it follows
// pods, namespaces and policies and writes what they allow as a table of
// nftables. It knows the API's rules of who may reach whom, and that all pods
// are on one bridge of this machine; it does not know what a tool is.
//
// A pod's address is taken from what the CNI plugins answered, which is on the
// disk before the pod's first container starts, and not from the pod's status,
// which tells it a second later. So a pod is under its policies when it sends
// its first packet, and an address of which it is not known whose it is can be
// cut off altogether: nothing of a new pod slips through, and nothing is lost
// that it may send.
//
// The API leaves some things open. Here, connections that exist go on when a
// policy changes. A rule with ports allows these, and no other protocols. Pods
// in the host's network are the node: they are not limited, may reach every
// pod, and no pod selector means them.
//
// The entry point is [Follow]; what is allowed is decided by rules, from a state
// and nothing else.
package networkpolicy

import (
	"context"
	"fmt"

	"sigs.k8s.io/knftables"

	"github.com/toolforge/toolforged/localcluster/host"
)

// Close cuts off every pod that will come, until [Follow] knows it.
func Close(ctx context.Context) error {
	nft, err := open()
	if err != nil {
		return err
	}
	tx := nft.NewTransaction()
	write(tx, state{})
	if err := nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("cutting off pods that are not known: %w", err)
	}
	return nil
}

func open() (knftables.Interface, error) {
	nft, err := knftables.New(knftables.InetFamily, host.PolicyTable)
	if err != nil {
		return nil, fmt.Errorf("opening the firewall: %w", err)
	}
	return nft, nil
}
