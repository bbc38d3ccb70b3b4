package reconcile

import (
	"context"
	"fmt"

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
	return cache.Options{DefaultTransform: slim, ByObject: byObject}
}

// FillCaches reads everything that the controllers watch and returns when it is there, or ctx has ended. A daemon that
// does not lead keeps the caches too: so it can take over at once.
func FillCaches(ctx context.Context, c cache.Cache) error {
	objects := []client.Object{&api.Tool{}, &api.Builder{}, &corev1.Pod{}}
	for _, kind := range watchedKinds() {
		object := &metav1.PartialObjectMetadata{}
		object.SetGroupVersionKind(kind)
		objects = append(objects, object)
	}
	for _, object := range objects {
		if _, err := c.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watch objects of type %T: %w", object, err)
		}
	}
	c.WaitForCacheSync(ctx)
	return ctx.Err()
}
