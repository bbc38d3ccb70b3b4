package render

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// SurroundingsName is the name of each object of the namespace itself; there is one of each kind.
const SurroundingsName = "tool"

// Surroundings renders what the namespace of every tool holds, whatever its manifest declares, in the order in which it
// should be applied: who its pods are, who reaches them, how much they may use. It depends on Tool, Namespace and Quota
// alone.
func Surroundings(in Input) ([]*unstructured.Unstructured, error) {
	configurations := []any{account(in), networkPolicy(in)}
	if in.Quota != nil {
		configurations = append(configurations, in.Quota.objects(in)...)
	}
	return objectsOf(configurations)
}
