package reconcile

import (
	"context"
	"strings"
	"time"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Delays before a tool that failed for now is tried again: doubled with each failure, between these bounds.
const (
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 5 * time.Minute
)

type workQueue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// SetupWithManager has the controller woken by whatever can change a tool of its shard: its spec, a new revision
// (revised), its objects, its jobs' runs, its build pods, the builders. Concurrency is how many tools are worked on at the same time.
func (t *Tools) SetupWithManager(manager ctrl.Manager, revised *Waker, concurrency int) error {
	if err := addIndexes(context.Background(), manager.GetFieldIndexer()); err != nil {
		return err
	}
	owned := predicate.NewPredicateFuncs(func(object client.Object) bool { return t.Shard.Owns(object.GetName()) })
	b := ctrl.NewControllerManagedBy(manager).
		For(&api.Tool{}, builder.WithPredicates(owned, specOrKeyChanged())).
		Watches(&api.Tool{}, t.hostHandler()).
		Watches(&api.Tool{}, t.turnHandler()).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(t.labelledTool)).
		Watches(&corev1.Pod{}, t.goneHandler()).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(t.labelledTool)).
		Watches(&autoscalingv2.HorizontalPodAutoscaler{}, handler.EnqueueRequestsFromMapFunc(t.toolOfNamespace), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&api.Builder{}, handler.EnqueueRequestsFromMapFunc(t.all), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		Watches(&api.CatalogImage{}, handler.EnqueueRequestsFromMapFunc(t.all), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		WatchesRawSource(revised.source()).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: concurrency,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstBackoff, lastBackoff),
		})
	for _, object := range t.BuildObjects {
		b = b.Watches(object, handler.EnqueueRequestsFromMapFunc(t.labelledTool))
	}
	for _, kind := range append(t.Config.kinds(), namespaceKind) {
		var changed []predicate.Predicate
		if kind.Kind == "ResourceQuota" {
			// How much of it is used changes with every pod, and wakes nobody.
			changed = append(changed, predicate.GenerationChangedPredicate{})
		}
		b = b.Watches(watched(kind), t.objectHandler(kind), builder.WithPredicates(changed...))
	}
	return b.Complete(t)
}

// specOrKeyChanged lets changes of a tool's spec through, and that its public key was taken out of its status: somebody wants
// another one.
func specOrKeyChanged() predicate.Predicate {
	keyTaken := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		before, ok := e.ObjectOld.(*api.Tool)
		after, both := e.ObjectNew.(*api.Tool)
		return ok && both && before.Status.PublicKey != "" && after.Status.PublicKey == ""
	}}
	return predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, keyTaken)
}

// objectHandler wakes the tool that an object belongs to, and forgets what was known of a deleted object.
func (t *Tools) objectHandler(kind schema.GroupVersionKind) handler.EventHandler {
	whose := t.labelledTool
	if kind == secretKind {
		whose = t.toolOfNamespace // those of the platform have no label
	}
	wake := func(object client.Object, q workQueue) {
		for _, r := range whose(context.Background(), object) {
			q.Add(r)
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q workQueue) { wake(e.Object, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q workQueue) {
			wake(e.ObjectOld, q)
			wake(e.ObjectNew, q)
		},
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q workQueue) {
			gone := &metav1.PartialObjectMetadata{}
			gone.SetGroupVersionKind(kind)
			gone.SetNamespace(e.Object.GetNamespace())
			gone.SetName(e.Object.GetName())
			t.ledger.forget(gone)
			t.well.forget(gone)
			wake(e.Object, q)
		},
	}
}

// labelledTool is the tool that an object's label names, if it is one of the shard's.
func (t *Tools) labelledTool(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetLabels()[api.ToolLabel]
	if name == "" || !t.Shard.Owns(name) {
		return nil
	}
	return []reconcile.Request{request(name)}
}

// toolOfNamespace is the tool in whose namespace an object is, if it is one of the shard's. What others make, such as
// autoscalers, has no label of the tool's.
func (t *Tools) toolOfNamespace(_ context.Context, object client.Object) []reconcile.Request {
	name, found := strings.CutPrefix(object.GetNamespace(), api.NamespacePrefix)
	if !found || !t.Shard.Owns(name) {
		return nil
	}
	return []reconcile.Request{request(name)}
}

// all wakes every tool of the shard: what a builder is matters to each that builds with it.
func (t *Tools) all(ctx context.Context, _ client.Object) []reconcile.Request {
	var tools api.ToolList
	if err := t.Client.List(ctx, &tools); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "tools could not be listed after a change of a builder")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(tools.Items))
	for i := range tools.Items {
		if t.Shard.Owns(tools.Items[i].Name) {
			requests = append(requests, request(tools.Items[i].Name))
		}
	}
	return requests
}

func request(tool string) reconcile.Request {
	return reconcile.Request{NamespacedName: types.NamespacedName{Name: tool}}
}
