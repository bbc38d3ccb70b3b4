package reconcile

import (
	"context"
	"fmt"
	"slices"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// autoscaled lists the Deployments of a namespace whose replicas are an autoscaler's by right, sorted. It costs no request.
func (t *Tools) autoscaled(ctx context.Context, namespace string) ([]string, error) {
	var list autoscalingv2.HorizontalPodAutoscalerList
	if err := t.Client.List(ctx, &list, client.InNamespace(namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list autoscalers: %w", err)
	}
	var names []string
	for i := range list.Items {
		if target := list.Items[i].Spec.ScaleTargetRef; target.Kind == "Deployment" {
			names = append(names, target.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
