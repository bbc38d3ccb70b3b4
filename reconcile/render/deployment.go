package render

import (
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	acappsv1 "k8s.io/client-go/applyconfigurations/apps/v1"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"
)

// deployment keeps a process running. A new version replaces the old one only when it is ready, also where there is one
// replica only.
func deployment(in Input, p process, labels map[string]string, replicas int) *acappsv1.DeploymentApplyConfiguration {
	spec := acappsv1.DeploymentSpec().
		WithRevisionHistoryLimit(2).
		WithProgressDeadlineSeconds(int32(in.RolloutDeadline.Seconds())).
		WithSelector(labelSelector(p.name)).
		WithStrategy(acappsv1.DeploymentStrategy().
			WithType(appsv1.RollingUpdateDeploymentStrategyType).
			WithRollingUpdate(acappsv1.RollingUpdateDeployment().
				WithMaxUnavailable(intstr.FromInt32(0)).
				WithMaxSurge(intstr.FromInt32(1)))).
		WithTemplate(accorev1.PodTemplateSpec().
			WithLabels(labels).
			WithAnnotations(p.annotations(in)).
			WithSpec(p.pod()))
	if !slices.Contains(in.Autoscaled, p.name) {
		spec.WithReplicas(int32(replicas))
	}
	return acappsv1.Deployment(p.name, in.Namespace).WithLabels(labels).WithSpec(spec)
}
