package reconcile

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// CacheOptions keep the manager's caches small: the pods of builds, metadata of what else is toolforged's, and nothing
// with managed fields.
func CacheOptions() cache.Options {
	ours := labels.Set{api.ManagedByLabel: api.ManagedBy}
	builds := labels.Set{api.ManagedByLabel: api.ManagedBy, api.ComponentLabel: api.BuildComponent}
	byObject := map[client.Object]cache.ByObject{
		&corev1.Pod{}: {Label: labels.SelectorFromSet(builds)},
	}
	for _, kind := range Kinds() {
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(kind)
		byObject[object] = cache.ByObject{Label: labels.SelectorFromSet(ours)}
	}
	return cache.Options{DefaultTransform: cache.TransformStripManagedFields(), ByObject: byObject}
}
