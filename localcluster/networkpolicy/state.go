package networkpolicy

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// state is all that decides who may reach whom.
type state struct {
	pods       []pod
	namespaces []*corev1.Namespace
	policies   []*networkingv1.NetworkPolicy
}

// pod is a pod with its addresses in the pods' network: none before the CNI
// plugins gave it one, nor when it is in the host's network.
type pod struct {
	*corev1.Pod
	addresses []netip.Addr
}

// sorted is the same state, whatever order its parts were in.
func (s state) sorted() state {
	return state{
		pods:       slices.SortedFunc(slices.Values(s.pods), func(a, b pod) int { return byName(a, b) }),
		namespaces: slices.SortedFunc(slices.Values(s.namespaces), func(a, b *corev1.Namespace) int { return byName(a, b) }),
		policies:   slices.SortedFunc(slices.Values(s.policies), func(a, b *networkingv1.NetworkPolicy) int { return byName(a, b) }),
	}
}

func byName(a, b metav1.Object) int {
	return cmp.Or(cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
}

// selected are the pods in the given namespaces that the selector matches.
func (s state) selected(namespaces map[string]bool, selector *metav1.LabelSelector) []pod {
	matches := matcher(selector)
	var found []pod
	for _, p := range s.pods {
		if namespaces[p.Namespace] && matches(p.Labels) {
			found = append(found, p)
		}
	}
	return found
}

// namespacesOf are the names of the namespaces that the selector matches.
func (s state) namespacesOf(selector *metav1.LabelSelector) map[string]bool {
	matches := matcher(selector)
	found := map[string]bool{}
	for _, n := range s.namespaces {
		if matches(n.Labels) {
			found[n.Name] = true
		}
	}
	return found
}

// matcher matches nothing for a selector the API server would not have let
// through: what cannot be understood allows nothing.
func matcher(selector *metav1.LabelSelector) func(map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		return func(map[string]string) bool { return false }
	}
	return func(l map[string]string) bool { return parsed.Matches(labels.Set(l)) }
}
