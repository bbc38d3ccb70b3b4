package reconcile

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"k8s.io/client-go/util/workqueue"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// SetupWithManager has the controller woken by whatever can change what a Directory has to do: its spec and annotations, a new
// commit (revised), any Tool's spec, labels or annotations, and that another Directory goes.
func (d *Directories) SetupWithManager(manager ctrl.Manager, revised *Waker) error {
	told := predicate.Or[client.Object](predicate.GenerationChangedPredicate{}, predicate.AnnotationChangedPredicate{}, predicate.LabelChangedPredicate{})
	goes := predicate.Funcs{
		CreateFunc: func(event.CreateEvent) bool { return false },
		UpdateFunc: func(event.UpdateEvent) bool { return false },
	}
	return ctrl.NewControllerManagedBy(manager).
		For(&api.Directory{}, builder.WithPredicates(told)).
		Watches(&api.Directory{}, handler.EnqueueRequestsFromMapFunc(d.all), builder.WithPredicates(goes)).
		Watches(&api.Tool{}, handler.EnqueueRequestsFromMapFunc(d.all), builder.WithPredicates(told)).
		WatchesRawSource(revised.source()).
		WithOptions(controller.Options{
			RateLimiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstBackoff, lastBackoff),
		}).
		Complete(d)
}

// all wakes every Directory: there are few, and a Tool may matter to each.
func (d *Directories) all(ctx context.Context, _ client.Object) []reconcile.Request {
	var directories api.DirectoryList
	if err := d.Tools.Client.List(ctx, &directories, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "directories could not be listed after a change of a tool")
		return nil
	}
	requests := make([]reconcile.Request, 0, len(directories.Items))
	for i := range directories.Items {
		requests = append(requests, request(directories.Items[i].Name))
	}
	return requests
}
