package render

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	acrbacv1 "k8s.io/client-go/applyconfigurations/rbac/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	// OwnName is the name of the service account with whose rights a tool's own Kubernetes objects are applied, and of its
	// RoleBinding.
	OwnName = "kubernetes"
	// OwnComponent is the component of those objects.
	OwnComponent = "kubernetes"
	// OwnRole is the ClusterRole of that service account; the chart makes it of the kinds that the administrator allows.
	OwnRole = "toolforged-kubernetes"
)

// ReservedNames are those of objects that are no process's.
var ReservedNames = []string{SurroundingsName, allowFromName, OwnName}

// own renders what a tool brings itself, and before it what gives the right to apply that. The objects are the
// repository's but for what says whose they are.
func own(in Input) []any {
	configurations := []any{
		accorev1.ServiceAccount(OwnName, in.Namespace).
			WithLabels(in.ownLabels()).
			WithAutomountServiceAccountToken(false),
		acrbacv1.RoleBinding(OwnName, in.Namespace).
			WithLabels(in.ownLabels()).
			WithRoleRef(acrbacv1.RoleRef().WithAPIGroup("rbac.authorization.k8s.io").WithKind("ClusterRole").WithName(OwnRole)).
			WithSubjects(acrbacv1.Subject().WithKind("ServiceAccount").WithNamespace(in.Namespace).WithName(OwnName)),
	}
	for _, object := range in.Own {
		object = object.DeepCopy()
		object.SetNamespace(in.Namespace)
		labels := object.GetLabels()
		if labels == nil {
			labels = make(map[string]string)
		}
		for name, value := range in.ownLabels() {
			labels[name] = value
		}
		labels[api.ComponentLabel] = OwnComponent
		if object.GetKind() == "Secret" {
			labels[api.SecretLabel] = api.SecretOwn
		}
		object.SetLabels(labels)
		configurations = append(configurations, object.Object)
	}
	return configurations
}

// IsOwn tells whether an object is one that the tool brings itself.
func IsOwn(object interface{ GetLabels() map[string]string }) bool {
	return object.GetLabels()[api.ComponentLabel] == OwnComponent
}

// IsOwnAccess tells whether an object gives the right to apply those.
func IsOwnAccess(object *unstructured.Unstructured) bool {
	return object.GetName() == OwnName && (object.GetKind() == "ServiceAccount" || object.GetKind() == "RoleBinding")
}
