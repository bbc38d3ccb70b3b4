package networkpolicy

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var everyPod = &metav1.LabelSelector{}

// policy is what one NetworkPolicy says of one direction.
type policy struct {
	selects map[*corev1.Pod]bool
	rules   []rule
}

// rule allows packets to or from its peers, at its ports.
type rule struct {
	peers
	// ports is empty for every port and protocol.
	ports []port
}

// policiesOf are those of all policies that limit the direction.
func (s state) policiesOf(d direction) []policy {
	var found []policy
	for _, object := range s.policies {
		if !slices.Contains(typesOf(object), d.kind) {
			continue
		}
		p := policy{selects: map[*corev1.Pod]bool{}}
		for _, pod := range s.selected(map[string]bool{object.Namespace: true}, &object.Spec.PodSelector) {
			p.selects[pod.Pod] = true
		}
		for _, said := range d.said(object) {
			r := rule{peers: s.peersOf(object.Namespace, said.peers)}
			for _, port := range said.ports {
				r.ports = append(r.ports, parsePort(port))
			}
			p.rules = append(p.rules, r)
		}
		found = append(found, p)
	}
	return found
}

// typesOf are the directions that a policy limits, by the API's default when it
// does not say so.
func typesOf(object *networkingv1.NetworkPolicy) []networkingv1.PolicyType {
	switch {
	case len(object.Spec.PolicyTypes) > 0:
		return object.Spec.PolicyTypes
	case len(object.Spec.Egress) > 0:
		return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress}
	}
	return []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}
}

// said is what a rule of either direction has in common.
type said struct {
	peers []networkingv1.NetworkPolicyPeer
	ports []networkingv1.NetworkPolicyPort
}

func ingressSaid(object *networkingv1.NetworkPolicy) []said {
	var all []said
	for _, r := range object.Spec.Ingress {
		all = append(all, said{r.From, r.Ports})
	}
	return all
}

func egressSaid(object *networkingv1.NetworkPolicy) []said {
	var all []said
	for _, r := range object.Spec.Egress {
		all = append(all, said{r.To, r.Ports})
	}
	return all
}
