package networkpolicy

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// port is one entry of a rule's ports.
type port struct {
	protocol corev1.Protocol
	// name is set for a port that each pod may have at another number.
	name string
	// first to last are the numbers otherwise; 0 means every one.
	first, last int32
}

func parsePort(said networkingv1.NetworkPolicyPort) port {
	p := port{protocol: corev1.ProtocolTCP}
	if said.Protocol != nil {
		p.protocol = *said.Protocol
	}
	switch {
	case said.Port == nil:
	case said.Port.Type == intstr.String:
		p.name = said.Port.StrVal
	default:
		p.first, p.last = said.Port.IntVal, said.Port.IntVal
		if said.EndPort != nil {
			p.last = *said.EndPort
		}
	}
	return p
}

// of is p with the number that pod has given to its name; false when it has
// given none.
func (p port) of(pod pod) (port, bool) {
	if p.name == "" {
		return p, true
	}
	for _, number := range containerPorts(pod) {
		if number.Name == p.name && protocolOf(number) == p.protocol {
			return port{protocol: p.protocol, first: number.ContainerPort, last: number.ContainerPort}, true
		}
	}
	return port{}, false
}

func containerPorts(pod pod) []corev1.ContainerPort {
	var all []corev1.ContainerPort
	for _, c := range pod.Spec.Containers {
		all = append(all, c.Ports...)
	}
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			all = append(all, c.Ports...)
		}
	}
	return all
}

func protocolOf(p corev1.ContainerPort) corev1.Protocol {
	if p.Protocol == "" {
		return corev1.ProtocolTCP
	}
	return p.Protocol
}

// match is p in nftables' words.
func (p port) match() string {
	protocol := strings.ToLower(string(p.protocol))
	switch {
	case p.first == 0:
		return "meta l4proto " + protocol
	case p.first == p.last:
		return fmt.Sprintf("%s dport %d", protocol, p.first)
	}
	return fmt.Sprintf("%s dport %d-%d", protocol, p.first, p.last)
}
