package render

import (
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	acmetav1 "k8s.io/client-go/applyconfigurations/meta/v1"
	acnetworkingv1 "k8s.io/client-go/applyconfigurations/networking/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// networkPolicy lets the tool's own pods in, and those that are no tool's, such as the ingress controller's and the
// monitoring's. Other tools stay out, and so do builds, whose pods have their tool's label but live in a namespace of the
// platform's. What the tool's pods reach themselves is not limited.
func networkPolicy(in Input) *acnetworkingv1.NetworkPolicyApplyConfiguration {
	own := acnetworkingv1.NetworkPolicyPeer().WithPodSelector(acmetav1.LabelSelector())
	platform := acnetworkingv1.NetworkPolicyPeer().WithNamespaceSelector(noTool()).WithPodSelector(noTool())
	return acnetworkingv1.NetworkPolicy(SurroundingsName, in.Namespace).
		WithLabels(in.ownLabels()).
		WithSpec(acnetworkingv1.NetworkPolicySpec().
			WithPodSelector(acmetav1.LabelSelector()).
			WithPolicyTypes(networkingv1.PolicyTypeIngress).
			WithIngress(acnetworkingv1.NetworkPolicyIngressRule().WithFrom(own, platform)))
}

func noTool() *acmetav1.LabelSelectorApplyConfiguration {
	return acmetav1.LabelSelector().WithMatchExpressions(acmetav1.LabelSelectorRequirement().
		WithKey(api.ToolLabel).
		WithOperator(metav1.LabelSelectorOpDoesNotExist))
}

// allowFromName is the name of the policy for the tools that the manifest lets in.
const allowFromName = "allow-from"

// allowFrom lets the pods of other tools in, as far as they run in those tools' own namespaces. It adds to networkPolicy.
func allowFrom(in Input) *acnetworkingv1.NetworkPolicyApplyConfiguration {
	tools := acmetav1.LabelSelector().WithMatchExpressions(acmetav1.LabelSelectorRequirement().
		WithKey(api.ToolLabel).
		WithOperator(metav1.LabelSelectorOpIn).
		WithValues(in.Manifest.Network.AllowFrom...))
	return acnetworkingv1.NetworkPolicy(allowFromName, in.Namespace).
		WithLabels(in.ownLabels()).
		WithSpec(acnetworkingv1.NetworkPolicySpec().
			WithPodSelector(acmetav1.LabelSelector()).
			WithPolicyTypes(networkingv1.PolicyTypeIngress).
			WithIngress(acnetworkingv1.NetworkPolicyIngressRule().
				WithFrom(acnetworkingv1.NetworkPolicyPeer().WithNamespaceSelector(tools))))
}
