package reconcile

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// podsRefused says why the API server does not let a Deployment have its pods, such as an exhausted quota; empty when it
// does.
func podsRefused(deployment *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(deployment.Object, "status", "conditions")
	for _, condition := range conditions {
		condition, ok := condition.(map[string]any)
		if ok && condition["type"] == string(appsv1.DeploymentReplicaFailure) && condition["status"] == "True" {
			message, _ := condition["message"].(string)
			return message
		}
	}
	return ""
}
