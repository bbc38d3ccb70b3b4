package networkpolicy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
)

// The policies are in namespace a of testdata/world.yaml; what is wanted is
// what they mean for a pod there.
func TestLines(t *testing.T) {
	closed := []string{"drop"}
	for name, tc := range map[string]struct {
		pod      string // of namespace a; "web" when empty
		policies []string
		in, out  []string
	}{
		"no policy": {},
		"a policy for another pod": {
			policies: []string{`{podSelector: {matchLabels: {app: db}}}`},
		},
		"nothing is allowed": {
			policies: []string{`{podSelector: {}}`},
			in:       closed,
		},
		"no rules, both directions": {
			policies: []string{`{podSelector: {}, policyTypes: [Ingress, Egress]}`},
			in:       closed, out: closed,
		},
		"egress only": {
			policies: []string{`{podSelector: {}, policyTypes: [Egress]}`},
			out:      closed,
		},
		"egress rules without types limit both": {
			policies: []string{`{podSelector: {}, egress: [{}]}`},
			in:       closed, out: []string{"return", "drop"},
		},
		"types decide, not rules": {
			policies: []string{`{podSelector: {}, policyTypes: [Ingress], egress: [{to: [{podSelector: {}}]}]}`},
			in:       closed,
		},
		"everything is allowed": {
			policies: []string{`{podSelector: {}, ingress: [{}]}`},
			in:       []string{"return", "drop"},
		},
		"a selector of the pod by expression": {
			pod:      "db",
			policies: []string{`{podSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}}`},
			in:       closed,
		},
		"own namespace": {
			policies: []string{`{podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`},
			in:       []string{"ip saddr { 10.88.1.1, 10.88.1.2 } return", "drop"},
		},
		"all namespaces": {
			policies: []string{`{podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`},
			in:       []string{"ip saddr { 10.88.1.1, 10.88.1.2, 10.88.1.3, 10.88.1.10 } return", "drop"},
		},
		"both selectors of one peer": {
			policies: []string{`{podSelector: {}, ingress: [{from: [
				{namespaceSelector: {matchLabels: {team: red}}, podSelector: {matchLabels: {app: web}}}]}]}`},
			in: []string{"ip saddr { 10.88.1.3 } return", "drop"},
		},
		"one selector each of two peers": {
			policies: []string{`{podSelector: {}, ingress: [{from: [
				{namespaceSelector: {matchLabels: {team: red}}}, {podSelector: {matchLabels: {app: web}}}]}]}`},
			in: []string{"ip saddr { 10.88.1.1, 10.88.1.3, 10.88.1.10 } return", "drop"},
		},
		"namespaces by expression": {
			policies: []string{`{podSelector: {}, ingress: [{from: [
				{namespaceSelector: {matchExpressions: [{key: team, operator: NotIn, values: [blue]}]}}]}]}`},
			in: []string{"ip saddr { 10.88.1.3, 10.88.1.10 } return", "drop"},
		},
		"peers that are nobody": {
			policies: []string{`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: none}}}]}]}`},
			in:       closed,
		},
		"a selector that cannot be": {
			policies: []string{`{podSelector: {}, ingress: [{from: [
				{podSelector: {matchExpressions: [{key: app, operator: Like, values: [web]}]}}]}]}`},
			in: closed,
		},
		"a block": {
			policies: []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [
				{ipBlock: {cidr: 10.1.2.3/8, except: [10.88.0.0/16, 10.96.0.0/16]}}]}]}`},
			out: []string{"ip daddr 10.0.0.0/8 ip daddr != { 10.88.0.0/16, 10.96.0.0/16 } return", "drop"},
		},
		"a block of IPv6": {
			policies: []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "::/0"}}]}]}`},
			out:      closed,
		},
		"blocks beside pods, with a port": {
			policies: []string{`{podSelector: {}, ingress: [{
				from: [{ipBlock: {cidr: 192.0.2.0/24}}, {podSelector: {matchLabels: {app: db}}}], ports: [{port: 80}]}]}`},
			in: []string{"ip saddr { 10.88.1.2 } tcp dport 80 return", "ip saddr 192.0.2.0/24 tcp dport 80 return", "drop"},
		},
		"ports": {
			policies: []string{`{podSelector: {}, ingress: [{ports: [
				{port: 80}, {port: 53, protocol: UDP}, {port: 1000, endPort: 2000}, {protocol: UDP}, {port: 7, protocol: SCTP}]}]}`},
			in: []string{
				"tcp dport 80 return", "udp dport 53 return", "tcp dport 1000-2000 return",
				"meta l4proto udp return", "sctp dport 7 return", "drop",
			},
		},
		"ports by name, those of the pod": {
			policies: []string{`{podSelector: {}, ingress: [{ports: [
				{port: http}, {port: dns, protocol: UDP}, {port: dns}, {port: side}, {port: once}]}]}`},
			in: []string{"tcp dport 8000 return", "udp dport 53 return", "tcp dport 9000 return", "drop"},
		},
		"ports by name, those of the peers": {
			policies: []string{`{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], ports: [{port: http}]}]}`},
			out: []string{
				"ip daddr { 10.88.1.2 } tcp dport 8001 return", "ip daddr { 10.88.1.1 } tcp dport 8000 return",
				"ip daddr { 10.88.1.3 } tcp dport 8002 return", "drop",
			},
		},
		"ports by name, of the peers in a block": {
			policies: []string{`{podSelector: {}, policyTypes: [Egress], egress: [{
				to: [{ipBlock: {cidr: 10.88.1.0/29, except: [10.88.1.2/32]}}], ports: [{port: http}]}]}`},
			out: []string{"ip daddr { 10.88.1.1 } tcp dport 8000 return", "ip daddr { 10.88.1.3 } tcp dport 8002 return", "drop"},
		},
		"ports by name, of anyone": {
			policies: []string{`{podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: side}]}]}`},
			out:      []string{"ip daddr { 10.88.1.1 } tcp dport 9000 return", "drop"},
		},
		"policies add up, and say nothing twice": {
			policies: []string{
				`{podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: db}}}]}]}`,
				`{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}, {from: [{podSelector: {matchLabels: {app: db}}}]}]}`,
				`{podSelector: {}}`,
			},
			in: []string{"ip saddr { 10.88.1.2 } return", "tcp dport 80 return", "drop"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := readState(t, "world.yaml")
			for _, spec := range tc.policies {
				object := &networkingv1.NetworkPolicy{Spec: *parse[networkingv1.NetworkPolicySpec](t, []byte(spec))}
				object.Namespace = "a"
				s.policies = append(s.policies, object)
			}
			s = s.sorted()
			limited := podNamed(t, s, "a", tc.pod)
			if diff := cmp.Diff(tc.in, ingress.lines(s, s.policiesOf(ingress), limited)); diff != "" {
				t.Errorf("ingress: %s", diff)
			}
			if diff := cmp.Diff(tc.out, egress.lines(s, s.policiesOf(egress), limited)); diff != "" {
				t.Errorf("egress: %s", diff)
			}
			if other := podNamed(t, s, "b", "web"); ingress.lines(s, s.policiesOf(ingress), other) != nil {
				t.Error("a pod in another namespace is limited")
			}
		})
	}
}

func podNamed(t *testing.T, s state, namespace, name string) pod {
	t.Helper()
	if name == "" {
		name = "web"
	}
	for _, p := range s.pods {
		if p.Namespace == namespace && p.Name == name {
			return p
		}
	}
	t.Fatalf("no pod %s/%s", namespace, name)
	return pod{}
}
