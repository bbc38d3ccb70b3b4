package networkpolicy

import (
	"net/netip"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
)

// peers are the other sides that a rule of a policy allows.
type peers struct {
	// anyone is set when the rule names nobody: then it means everybody.
	anyone bool
	pods   []pod
	blocks []block
}

// block is a range of addresses without some ranges inside.
type block struct {
	whole  netip.Prefix
	except []netip.Prefix
}

func (b block) contains(address netip.Addr) bool {
	within := func(e netip.Prefix) bool { return e.Contains(address) }
	return b.whole.Contains(address) && !slices.ContainsFunc(b.except, within)
}

// peersOf resolves what a rule of a policy in namespace says.
func (s state) peersOf(namespace string, said []networkingv1.NetworkPolicyPeer) peers {
	if len(said) == 0 {
		return peers{anyone: true}
	}
	var found peers
	for _, peer := range said {
		if peer.IPBlock != nil {
			if b, ok := parseBlock(peer.IPBlock); ok {
				found.blocks = append(found.blocks, b)
			}
			continue
		}
		namespaces := map[string]bool{namespace: true}
		if peer.NamespaceSelector != nil {
			namespaces = s.namespacesOf(peer.NamespaceSelector)
		}
		selector := peer.PodSelector
		if selector == nil {
			selector = everyPod
		}
		found.pods = append(found.pods, s.selected(namespaces, selector)...)
	}
	return found
}

// parseBlock reads a range of IPv4 addresses. There are no others in the pods'
// network, so that one of IPv6 allows nothing.
func parseBlock(said *networkingv1.IPBlock) (block, bool) {
	whole, err := netip.ParsePrefix(said.CIDR)
	if err != nil || !whole.Addr().Is4() {
		return block{}, false
	}
	b := block{whole: whole.Masked()}
	for _, text := range said.Except {
		except, err := netip.ParsePrefix(text)
		if err != nil || !except.Addr().Is4() {
			return block{}, false
		}
		b.except = append(b.except, except.Masked())
	}
	return b, true
}

// addressesOf are the addresses of pods, each once and in order.
func addressesOf(pods []pod) []netip.Addr {
	var all []netip.Addr
	for _, p := range pods {
		all = append(all, p.addresses...)
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}
