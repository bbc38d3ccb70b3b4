package reconcile

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// CacheOptions keep the manager's caches small, given the kinds that tools may bring themselves: the pods of builds; metadata of what else is toolforged's, and of
// Deployments also how they are; of autoscalers what they scale. Nothing has managed fields.
func CacheOptions(own []schema.GroupVersionKind) cache.Options {
	ours := labels.SelectorFromSet(labels.Set{api.ManagedByLabel: api.ManagedBy})
	builds := labels.SelectorFromSet(labels.Set{api.ManagedByLabel: api.ManagedBy, api.ComponentLabel: api.BuildComponent})
	byObject := map[client.Object]cache.ByObject{
		&corev1.Pod{}:                            {Label: builds},
		&autoscalingv2.HorizontalPodAutoscaler{}: {Transform: trimAutoscaler},
	}
	for _, kind := range append(allKinds(own), namespaceKind) {
		options := cache.ByObject{Label: ours}
		switch {
		case isDeployment(kind):
			options.Transform = trimDeployment
		case kind == secretKind:
			options = cache.ByObject{Label: relevantSecrets(), Transform: trimSecret}
		}
		byObject[watched(kind)] = options
	}
	return cache.Options{DefaultTransform: slim, ByObject: byObject}
}

// FillCaches reads everything that the controllers watch and returns when it is there, or ctx has ended. A daemon that
// does not lead keeps the caches too: so it can take over at once.
func FillCaches(ctx context.Context, c cache.Cache, own []schema.GroupVersionKind) error {
	objects := []client.Object{&api.Tool{}, &api.Builder{}, &api.CatalogImage{}, &corev1.Pod{}, &autoscalingv2.HorizontalPodAutoscaler{}}
	for _, kind := range append(allKinds(own), namespaceKind) {
		objects = append(objects, watched(kind))
	}
	for _, object := range objects {
		if _, err := c.GetInformer(ctx, object, cache.BlockUntilSynced(false)); err != nil {
			return fmt.Errorf("watch objects of type %T: %w", object, err)
		}
	}
	c.WaitForCacheSync(ctx)
	return ctx.Err()
}

var namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")

// watched is the form in which the cache holds a kind: as metadata, but for Deployments.
func watched(kind schema.GroupVersionKind) client.Object {
	if isDeployment(kind) {
		return &appsv1.Deployment{}
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(kind)
	return object
}

func isDeployment(kind schema.GroupVersionKind) bool {
	return kind == appsv1.SchemeGroupVersion.WithKind("Deployment")
}

// trimDeployment leaves metadata, replicas and status: what tells whether it is healthy, without a request.
func trimDeployment(object any) (any, error) {
	if d, ok := object.(*appsv1.Deployment); ok {
		d.ManagedFields, d.Annotations = nil, nil
		d.Spec = appsv1.DeploymentSpec{Replicas: d.Spec.Replicas, ProgressDeadlineSeconds: d.Spec.ProgressDeadlineSeconds}
	}
	return object, nil
}

// relevantSecrets are those of tools' namespaces that toolforged has made, and those that tools may refer to.
func relevantSecrets() labels.Selector {
	// The requirement is valid: its key and its values are constants.
	of, _ := labels.NewRequirement(api.SecretLabel, selection.In, []string{api.SecretProvided, api.SecretRendered, api.SecretOwn})
	return labels.NewSelector().Add(*of)
}

// trimSecret is slim, and leaves no annotations: kubectl keeps a copy of what it applied in one.
func trimSecret(object any) (any, error) {
	trimmed, err := slim(object)
	if o, ok := trimmed.(client.Object); ok && o.GetAnnotations() != nil {
		o.SetAnnotations(nil)
	}
	return trimmed, err
}

// trimAutoscaler leaves metadata and what is scaled.
func trimAutoscaler(object any) (any, error) {
	if a, ok := object.(*autoscalingv2.HorizontalPodAutoscaler); ok {
		a.ManagedFields, a.Annotations = nil, nil
		a.Spec = autoscalingv2.HorizontalPodAutoscalerSpec{ScaleTargetRef: a.Spec.ScaleTargetRef}
		a.Status = autoscalingv2.HorizontalPodAutoscalerStatus{}
	}
	return object, nil
}

// deployment is a Deployment as the cache has it; nil when it has none.
func (t *Tools) deployment(ctx context.Context, object *unstructured.Unstructured) (*appsv1.Deployment, error) {
	deployment := &appsv1.Deployment{}
	found, err := found(t.Client.Get(ctx, client.ObjectKeyFromObject(object), deployment), object)
	if !found {
		return nil, err
	}
	deployment.SetGroupVersionKind(object.GroupVersionKind())
	return deployment, nil
}

// cached is the metadata of an object as the cache has it; nil when it has none.
func (t *Tools) cached(ctx context.Context, object *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	if isDeployment(object.GroupVersionKind()) {
		deployment, err := t.deployment(ctx, object)
		if deployment == nil {
			return nil, err
		}
		return metadataOf(deployment), nil
	}
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(object.GroupVersionKind())
	found, err := found(t.Client.Get(ctx, client.ObjectKeyFromObject(object), metadata), object)
	if !found {
		return nil, err
	}
	return metadata, nil
}

func metadataOf(deployment *appsv1.Deployment) *metav1.PartialObjectMetadata {
	metadata := &metav1.PartialObjectMetadata{ObjectMeta: deployment.ObjectMeta}
	metadata.SetGroupVersionKind(appsv1.SchemeGroupVersion.WithKind("Deployment"))
	return metadata
}

// labelled lists the metadata of the tool's objects of one kind, as the cache has them.
func (t *Tools) labelled(ctx context.Context, tool *api.Tool, kind schema.GroupVersionKind) ([]metav1.PartialObjectMetadata, error) {
	in := []client.ListOption{place(tool, kind),
		client.MatchingLabels{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: tool.Name}, client.UnsafeDisableDeepCopy}
	if isDeployment(kind) {
		var list appsv1.DeploymentList
		if err := t.Client.List(ctx, &list, in...); err != nil {
			return nil, fmt.Errorf("list Deployments: %w", err)
		}
		objects := make([]metav1.PartialObjectMetadata, 0, len(list.Items))
		for i := range list.Items {
			objects = append(objects, *metadataOf(&list.Items[i]))
		}
		return objects, nil
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind)
	if err := t.Client.List(ctx, list, in...); err != nil {
		return nil, fmt.Errorf("list objects of kind %s: %w", kind.Kind, err)
	}
	return list.Items, nil
}
