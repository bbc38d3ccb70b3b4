package networkpolicy

import (
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// direction is one of the two ways in which a pod may be limited. In the rules
// made of it, "return" lets a packet go on.
type direction struct {
	kind networkingv1.PolicyType
	// name is that of its map and the beginning of its chains' names.
	name string
	// own and other are the fields of a packet that hold the address of the
	// limited pod and that of its peer.
	own, other string
	said       func(*networkingv1.NetworkPolicy) []said
	// ownPort is set when a rule's ports are those of the limited pod, and not
	// of its peers.
	ownPort bool
}

var (
	ingress = direction{networkingv1.PolicyTypeIngress, "ingress", "ip daddr", "ip saddr", ingressSaid, true}
	egress  = direction{networkingv1.PolicyTypeEgress, "egress", "ip saddr", "ip daddr", egressSaid, false}
)

// lines are the rules of nftables that let through what policies allow to the
// limited pod. They are nil when none selects it: then it is open.
func (d direction) lines(s state, policies []policy, limited pod) []string {
	var lines []string
	selected := false
	for _, p := range policies {
		if !p.selects[limited.Pod] {
			continue
		}
		selected = true
		for _, r := range p.rules {
			lines = append(lines, d.allow(s, r, limited)...)
		}
	}
	if !selected {
		return nil
	}
	return append(unique(lines), "drop")
}

// allow is one rule of a policy.
func (d direction) allow(s state, r rule, limited pod) []string {
	if len(r.ports) == 0 {
		return d.pass(r.peers, "")
	}
	var lines []string
	for _, p := range r.ports {
		if d.ownPort || p.name == "" {
			if p, ok := p.of(limited); ok {
				lines = append(lines, d.pass(r.peers, p.match())...)
			}
			continue
		}
		// The name means another number in each pod that is reached.
		for _, peer := range s.reached(r.peers) {
			if p, ok := p.of(peer); ok {
				lines = append(lines, d.pass(peers{pods: []pod{peer}}, p.match())...)
			}
		}
	}
	return lines
}

// reached are the pods among peers, whatever they are named by.
func (s state) reached(who peers) []pod {
	if !who.anyone && len(who.blocks) == 0 {
		return who.pods
	}
	reached := slices.Clone(who.pods)
	for _, p := range s.pods {
		inBlock := func(a netip.Addr) bool {
			return slices.ContainsFunc(who.blocks, func(b block) bool { return b.contains(a) })
		}
		if who.anyone || slices.ContainsFunc(p.addresses, inBlock) {
			reached = append(reached, p)
		}
	}
	return reached
}

// pass lets through what is exchanged with the peers and matches what.
func (d direction) pass(who peers, what string) []string {
	if who.anyone {
		return []string{words(what, "return")}
	}
	var lines []string
	if addresses := addressesOf(who.pods); len(addresses) > 0 {
		lines = append(lines, words(d.other, set(addresses), what, "return"))
	}
	for _, b := range who.blocks {
		except := ""
		if len(b.except) > 0 {
			except = words(d.other, "!=", set(b.except))
		}
		lines = append(lines, words(d.other, b.whole.String(), except, what, "return"))
	}
	return lines
}

func set[T interface{ String() string }](elements []T) string {
	var texts []string
	for _, e := range elements {
		texts = append(texts, e.String())
	}
	return "{ " + strings.Join(texts, ", ") + " }"
}

func words(parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), " ")
}

// unique removes what was there before.
func unique(lines []string) []string {
	seen := map[string]bool{}
	return slices.DeleteFunc(lines, func(line string) bool {
		before := seen[line]
		seen[line] = true
		return before
	})
}
