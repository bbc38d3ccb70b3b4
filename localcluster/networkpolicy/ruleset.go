package networkpolicy

import (
	"fmt"
	"strings"

	"sigs.k8s.io/knftables"

	"github.com/toolforge/toolforged/localcluster/host"
)

// write adds to tx what puts the state's policies into effect, in the place of
// all that was in the table. The same state gives the same text.
//
// A packet is looked at where it has its true addresses: after a Service's
// address was turned into a pod's, and before the sender's is hidden behind the
// node's. What the node itself sends does not come by there.
func write(tx *knftables.Transaction, s state) {
	s = s.sorted()
	tx.Add(&knftables.Table{})
	tx.Delete(&knftables.Table{})
	tx.Add(&knftables.Table{Comment: knftables.PtrTo("NetworkPolicies of the local cluster")})
	tx.Add(&knftables.Set{Name: "itself", Type: "ipv4_addr . ipv4_addr", Comment: knftables.PtrTo("pods reach themselves, by a Service too")})
	for _, address := range addressesOf(s.pods) {
		tx.Add(&knftables.Element{Set: "itself", Key: []string{address.String(), address.String()}})
	}
	for _, d := range []direction{egress, ingress} {
		writeDirection(tx, s, d)
	}
	// Beyond the bridge is the rest of the world, on the node are DNS, registry,
	// git server and API server: both only limit what pods send.
	writeHook(tx, knftables.ForwardHook,
		onBridge("iifname !=", "oifname !=")+" accept",
		onBridge("iifname")+" jump egress",
		onBridge("oifname")+" jump ingress")
	writeHook(tx, knftables.InputHook,
		onBridge("iifname !=")+" accept",
		onBridge("iifname")+" jump egress")
}

func onBridge(fields ...string) string {
	var parts []string
	for _, field := range fields {
		parts = append(parts, field+` "`+host.Bridge+`"`)
	}
	return strings.Join(parts, " ")
}

// writeHook adds a chain that packets enter. The first rule lets those of
// others pass, the others look at what begins.
func writeHook(tx *knftables.Transaction, hook knftables.BaseChainHook, others string, rules ...string) {
	name := string(hook)
	tx.Add(&knftables.Chain{
		Name:     name,
		Type:     knftables.PtrTo(knftables.FilterType),
		Hook:     knftables.PtrTo(hook),
		Priority: knftables.PtrTo(knftables.FilterPriority),
	})
	before := []string{
		others,
		"ct state established,related accept",
		// No pod is given an address of IPv6; those that devices give
		// themselves would be a way around.
		"meta nfproto ipv6 drop",
		"ip saddr . ip daddr @itself accept",
	}
	for _, rule := range append(before, rules...) {
		tx.Add(&knftables.Rule{Chain: name, Rule: rule})
	}
}

// writeDirection adds the chain that lets a packet go on by "return". Pods that
// are limited alike share a chain.
func writeDirection(tx *knftables.Transaction, s state, d direction) {
	tx.Add(&knftables.Chain{Name: d.name})
	tx.Add(&knftables.Map{Name: d.name, Type: "ipv4_addr : verdict"})
	policies := s.policiesOf(d)
	chains := map[string]string{}
	seen := map[string]bool{}
	for _, p := range s.pods {
		lines := d.lines(s, policies, p)
		verdict := "return"
		if lines != nil {
			verdict = "goto " + chainOf(tx, d, chains, lines)
		}
		for _, address := range p.addresses {
			if key := address.String(); !seen[key] {
				seen[key] = true
				tx.Add(&knftables.Element{Map: d.name, Key: []string{key}, Value: []string{verdict}, Comment: comment(p)})
			}
		}
	}
	tx.Add(&knftables.Rule{Chain: d.name, Rule: d.own + " vmap @" + d.name})
	tx.Add(&knftables.Rule{Chain: d.name, Rule: "drop", Comment: knftables.PtrTo("it is not known yet whose it is")})
}

// chainOf is the name of the chain with the given rules, which it adds when it
// is the first with them.
func chainOf(tx *knftables.Transaction, d direction, chains map[string]string, lines []string) string {
	content := strings.Join(lines, "\n")
	if name, ok := chains[content]; ok {
		return name
	}
	name := fmt.Sprintf("%s-%d", d.name, len(chains)+1)
	chains[content] = name
	tx.Add(&knftables.Chain{Name: name})
	for _, line := range lines {
		tx.Add(&knftables.Rule{Chain: name, Rule: line})
	}
	return name
}

func comment(p pod) *string {
	text := p.Namespace + "/" + p.Name
	return knftables.PtrTo(text[:min(len(text), knftables.CommentLengthMax)])
}
