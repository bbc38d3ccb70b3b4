package cluster

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	networkingv1 "k8s.io/client-go/applyconfigurations/networking/v1"
	rbacv1 "k8s.io/client-go/applyconfigurations/rbac/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/toolforge/toolforged/localcluster/ingress"
)

// looked are the kinds that CoreDNS, the ingress and the network policies watch. Kubernetes' own role
// for looking is filled by the controller manager only, after the API server
// is ready.
var looked = map[string][]string{
	"":                  {"namespaces", "pods", "services"},
	"discovery.k8s.io":  {"endpointslices"},
	"networking.k8s.io": {"ingresses", "networkpolicies"},
}

// applyObjects makes the few objects that the cluster's own programs need.
func applyObjects(ctx context.Context, client kubernetes.Interface) error {
	options := metav1.ApplyOptions{FieldManager: "localcluster", Force: true}
	role := rbacv1.ClusterRole(watchers)
	for group, resources := range looked {
		role.WithRules(rbacv1.PolicyRule().WithAPIGroups(group).WithResources(resources...).WithVerbs("get", "list", "watch"))
	}
	if _, err := client.RbacV1().ClusterRoles().Apply(ctx, role, options); err != nil {
		return fmt.Errorf("letting the cluster's programs look: %w", err)
	}
	binding := rbacv1.ClusterRoleBinding(watchers).
		WithSubjects(rbacv1.Subject().WithKind("Group").WithAPIGroup("rbac.authorization.k8s.io").WithName(watchers)).
		WithRoleRef(rbacv1.RoleRef().WithKind("ClusterRole").WithAPIGroup("rbac.authorization.k8s.io").WithName(watchers))
	if _, err := client.RbacV1().ClusterRoleBindings().Apply(ctx, binding, options); err != nil {
		return fmt.Errorf("letting the cluster's programs look: %w", err)
	}
	class := networkingv1.IngressClass(ingress.Class).
		WithAnnotations(map[string]string{"ingressclass.kubernetes.io/is-default-class": "true"}).
		WithSpec(networkingv1.IngressClassSpec().WithController("toolforge.org/localcluster"))
	if _, err := client.NetworkingV1().IngressClasses().Apply(ctx, class, options); err != nil {
		return fmt.Errorf("making the ingress class: %w", err)
	}
	return lowerRequests(ctx, client, options)
}
