package render

import (
	corev1 "k8s.io/api/core/v1"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"
)

// QuotaClass is how much a tool may use.
type QuotaClass struct {
	// Quota bounds the whole namespace, by the resource names of a Kubernetes ResourceQuota; empty for no bounds.
	Quota corev1.ResourceList
	// Limits bound each container.
	Limits ContainerLimits
}

// ContainerLimits bound cpu and memory of each container. An empty list bounds nothing.
type ContainerLimits struct {
	// Default and DefaultRequest are for a container that says nothing itself: how much it may use, and how much is set
	// aside for it. Those that toolforged renders say both.
	Default, DefaultRequest corev1.ResourceList
	// Max is the most that a container may ask for.
	Max corev1.ResourceList
}

func (c QuotaClass) objects(in Input) []any {
	var objects []any
	if len(c.Quota) > 0 {
		objects = append(objects, accorev1.ResourceQuota(SurroundingsName, in.Namespace).
			WithLabels(in.ownLabels()).
			WithSpec(accorev1.ResourceQuotaSpec().WithHard(c.Quota)))
	}
	item := accorev1.LimitRangeItem().WithType(corev1.LimitTypeContainer)
	bounds := false
	set := func(with func(corev1.ResourceList) *accorev1.LimitRangeItemApplyConfiguration, list corev1.ResourceList) {
		if len(list) > 0 {
			with(list)
			bounds = true
		}
	}
	set(item.WithDefault, c.Limits.Default)
	set(item.WithDefaultRequest, c.Limits.DefaultRequest)
	set(item.WithMax, c.Limits.Max)
	if bounds {
		objects = append(objects, accorev1.LimitRange(SurroundingsName, in.Namespace).
			WithLabels(in.ownLabels()).
			WithSpec(accorev1.LimitRangeSpec().WithLimits(item)))
	}
	return objects
}
