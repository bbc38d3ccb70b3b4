package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/selection"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// CacheOptions keep the manager's caches small, given the kinds that tools may bring themselves, and those of which builds are made
// beside pods: the pods of builds;
// metadata of what else is toolforged's, and of Deployments, CronJobs and Jobs also how they are; of autoscalers what they
// scale. Nothing has managed fields.
func CacheOptions(own []schema.GroupVersionKind, builds ...client.Object) cache.Options {
	ours := labels.SelectorFromSet(labels.Set{api.ManagedByLabel: api.ManagedBy})
	// By that alone: Tekton says of the pods that it makes for builds that it manages them.
	ofBuilds := labels.SelectorFromSet(labels.Set{api.ComponentLabel: api.BuildComponent})
	byObject := map[client.Object]cache.ByObject{
		&corev1.Pod{}:                            {Label: ofBuilds},
		&autoscalingv2.HorizontalPodAutoscaler{}: {Transform: trimAutoscaler},
	}
	for _, object := range builds {
		byObject[object] = cache.ByObject{Label: ofBuilds}
	}
	for _, kind := range cachedKinds(own) {
		label := ours
		if kind == secretKind {
			label = relevantSecrets()
		}
		byObject[watched(kind)] = cache.ByObject{Label: label, Transform: trims[kind]}
	}
	return cache.Options{DefaultTransform: slim, ByObject: byObject}
}

// FillCaches reads everything that the controllers watch and returns when it is there, or ctx has ended. A daemon that
// does not lead keeps the caches too: so it can take over at once.
func FillCaches(ctx context.Context, c cache.Cache, own []schema.GroupVersionKind, builds ...client.Object) error {
	objects := []client.Object{&api.Tool{}, &api.Builder{}, &api.CatalogImage{}, &api.Directory{}, &corev1.Pod{}, &autoscalingv2.HorizontalPodAutoscaler{}}
	objects = append(objects, builds...)
	for _, kind := range cachedKinds(own) {
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

// cachedKinds are those of which the cache has what is toolforged's.
func cachedKinds(own []schema.GroupVersionKind) []schema.GroupVersionKind {
	kinds := append(allKinds(own), namespaceKind)
	if !slices.Contains(kinds, jobKind) {
		kinds = append(kinds, jobKind)
	}
	return kinds
}

var namespaceKind = corev1.SchemeGroupVersion.WithKind("Namespace")

// watched is the form in which the cache holds a kind: as metadata, but for Deployments, CronJobs and Jobs.
func watched(kind schema.GroupVersionKind) client.Object {
	switch kind {
	case deploymentKind:
		return &appsv1.Deployment{}
	case cronJobKind:
		return &batchv1.CronJob{}
	case jobKind:
		return &batchv1.Job{}
	}
	object := &metav1.PartialObjectMetadata{}
	object.SetGroupVersionKind(kind)
	return object
}

// watchedList is a list of them.
func watchedList(kind schema.GroupVersionKind) client.ObjectList {
	switch kind {
	case deploymentKind:
		return &appsv1.DeploymentList{}
	case cronJobKind:
		return &batchv1.CronJobList{}
	case jobKind:
		return &batchv1.JobList{}
	}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kind)
	return list
}

var (
	deploymentKind = appsv1.SchemeGroupVersion.WithKind("Deployment")
	cronJobKind    = batchv1.SchemeGroupVersion.WithKind("CronJob")
	jobKind        = batchv1.SchemeGroupVersion.WithKind("Job")
)

func isDeployment(kind schema.GroupVersionKind) bool { return kind == deploymentKind }

// trims make the objects smaller that are not held as metadata.
var trims = map[schema.GroupVersionKind]toolscache.TransformFunc{
	deploymentKind: trimDeployment, cronJobKind: trimCronJob, jobKind: trimJob, secretKind: trimSecret,
}

// trimDeployment leaves metadata, replicas and status: what tells whether it is healthy, without a request.
func trimDeployment(object any) (any, error) {
	if d, ok := object.(*appsv1.Deployment); ok {
		d.ManagedFields, d.Annotations = nil, nil
		d.Spec = appsv1.DeploymentSpec{Replicas: d.Spec.Replicas, ProgressDeadlineSeconds: d.Spec.ProgressDeadlineSeconds}
	}
	return object, nil
}

// trimCronJob leaves metadata, when it runs, and status: what tells which of its runs took place, without a request.
func trimCronJob(object any) (any, error) {
	if c, ok := object.(*batchv1.CronJob); ok {
		c.ManagedFields = nil
		maps.DeleteFunc(c.Annotations, func(name, _ string) bool { return name != api.ReportedAnnotation })
		c.Spec = batchv1.CronJobSpec{
			Schedule: c.Spec.Schedule, TimeZone: c.Spec.TimeZone, Suspend: c.Spec.Suspend, ConcurrencyPolicy: c.Spec.ConcurrencyPolicy,
		}
		c.Status.Active = nil
	}
	return object, nil
}

// trimJob leaves metadata, what bounds the Job, and status: what tells what became of it, without a request.
func trimJob(object any) (any, error) {
	if j, ok := object.(*batchv1.Job); ok {
		j.ManagedFields = nil
		j.Spec = batchv1.JobSpec{BackoffLimit: j.Spec.BackoffLimit, ActiveDeadlineSeconds: j.Spec.ActiveDeadlineSeconds}
		j.Status.UncountedTerminatedPods = nil
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
	kind := object.GroupVersionKind()
	form := watched(kind)
	found, err := found(t.Client.Get(ctx, client.ObjectKeyFromObject(object), form), object)
	if !found {
		return nil, err
	}
	return metadataOf(form, kind), nil
}

func metadataOf(object runtime.Object, kind schema.GroupVersionKind) *metav1.PartialObjectMetadata {
	if metadata, ok := object.(*metav1.PartialObjectMetadata); ok {
		return metadata
	}
	whole := object.(metav1.ObjectMetaAccessor).GetObjectMeta().(*metav1.ObjectMeta)
	metadata := &metav1.PartialObjectMetadata{ObjectMeta: *whole}
	metadata.SetGroupVersionKind(kind)
	return metadata
}

// labelled lists the metadata of the tool's objects of one kind, as the cache has them.
func (t *Tools) labelled(ctx context.Context, tool *api.Tool, kind schema.GroupVersionKind) ([]metav1.PartialObjectMetadata, error) {
	list := watchedList(kind)
	ours := client.MatchingLabels{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: tool.Name}
	if err := t.Client.List(ctx, list, place(tool, kind), ours, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list objects of kind %s: %w", kind.Kind, err)
	}
	objects := make([]metav1.PartialObjectMetadata, 0, apimeta.LenList(list))
	err := apimeta.EachListItem(list, func(object runtime.Object) error {
		objects = append(objects, *metadataOf(object, kind))
		return nil
	})
	return objects, err
}

// ofTool selects a tool's objects.
func ofTool(tool *api.Tool) client.ListOption {
	return &client.ListOptions{
		Namespace:     tool.TargetNamespace(),
		LabelSelector: labels.SelectorFromSet(labels.Set{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: tool.Name}),
	}
}
