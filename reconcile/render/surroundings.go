package render

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// SurroundingsName is the name of each object of the namespace itself; there is one of each kind.
const SurroundingsName = "tool"

// Surroundings renders what the namespace of every tool holds, whatever its manifest declares, in the order in which it
// should be applied: who its pods are, who reaches them, how much they may use, and the shared volumes that they may see. It
// depends on Tool, Namespace, Quota, Volumes and Owner alone.
func Surroundings(in Input) ([]*unstructured.Unstructured, error) {
	configurations := []any{account(in), networkPolicy(in)}
	if in.Quota != nil {
		configurations = append(configurations, in.Quota.objects(in)...)
	}
	for _, volume := range in.Volumes {
		objects, err := volume.objects(in)
		if err != nil {
			return nil, err
		}
		configurations = append(configurations, objects...)
	}
	return objectsOf(configurations)
}
