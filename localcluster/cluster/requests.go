package cluster

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apply "k8s.io/client-go/applyconfigurations/admissionregistration/v1"
	"k8s.io/client-go/kubernetes"
)

// cpuRequest is what each container of this cluster requests of the processor. A machine of a developer has few cores, and nearly
// all pods on it are idle nearly always: with what they would request elsewhere, a dozen of them would keep every other pod from
// starting. Their limits stay.
const cpuRequest = "5m"

// lowerRequests has the API server lower what pods request of the processor.
func lowerRequests(ctx context.Context, client kubernetes.Interface, options metav1.ApplyOptions) error {
	const name = "toolforge-localcluster-requests"
	pods := apply.NamedRuleWithOperations().
		WithOperations(admissionv1.Create).
		WithAPIGroups("").WithAPIVersions("v1").WithResources("pods")
	spec := apply.MutatingAdmissionPolicySpec().
		WithMatchConstraints(apply.MatchResources().WithResourceRules(pods)).
		WithFailurePolicy(admissionv1.Fail).
		WithReinvocationPolicy(admissionv1.NeverReinvocationPolicy)
	for _, containers := range []string{"containers", "initContainers"} {
		spec.WithMutations(apply.Mutation().
			WithPatchType(admissionv1.PatchTypeJSONPatch).
			WithJSONPatch(apply.JSONPatch().WithExpression(lowered(containers))))
	}
	if _, err := client.AdmissionregistrationV1().MutatingAdmissionPolicies().
		Apply(ctx, apply.MutatingAdmissionPolicy(name).WithSpec(spec), options); err != nil {
		return fmt.Errorf("lowering what pods request of the processor: %w", err)
	}
	binding := apply.MutatingAdmissionPolicyBinding(name).WithSpec(apply.MutatingAdmissionPolicyBindingSpec().WithPolicyName(name))
	if _, err := client.AdmissionregistrationV1().MutatingAdmissionPolicyBindings().Apply(ctx, binding, options); err != nil {
		return fmt.Errorf("lowering what pods request of the processor: %w", err)
	}
	return nil
}

// lowered is the JSON patch, in CEL, of the pod's containers that request some of the processor.
func lowered(containers string) string {
	return fmt.Sprintf(`has(object.spec.%[1]s) ? object.spec.%[1]s.transformList(i, c,
  has(c.resources) && has(c.resources.requests) && "cpu" in c.resources.requests,
  JSONPatch{op: "replace", path: "/spec/%[1]s/" + string(i) + "/resources/requests/cpu", value: %[2]q}) : []`, containers, cpuRequest)
}
