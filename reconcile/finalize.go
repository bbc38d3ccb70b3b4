package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// deletionDeadline is how long a deleted Tool is kept for what was made for it to go. After that it goes all the same, and
// says so.
const deletionDeadline = 10 * time.Minute

// hold puts the finalizer on a tool, before anything is made for it.
func (t *Tools) hold(ctx context.Context, tool *api.Tool) error {
	before := tool.DeepCopy()
	if !controllerutil.AddFinalizer(tool, api.Finalizer) {
		return nil
	}
	return t.patch(ctx, before, tool)
}

func (t *Tools) patch(ctx context.Context, before, tool *api.Tool) error {
	if err := t.Client.Patch(ctx, tool, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write the finalizer of tool %s: %w", tool.Name, err))
	}
	t.current.set(tool.Name, tool.ResourceVersion)
	return nil
}

// finalize deletes what was made for a tool, in order, and lets the Tool go when it is gone.
func (t *Tools) finalize(ctx context.Context, tool *api.Tool) (reconcile.Result, error) {
	t.forget(tool.Name)
	if !controllerutil.ContainsFinalizer(tool, api.Finalizer) {
		t.current.forget(tool.Name)
		t.forgetSecrets(tool.Name)
		return reconcile.Result{}, nil
	}
	before := tool.DeepCopy()
	rest := tool.DeletionTimestamp.Add(deletionDeadline).Sub(t.Now())
	left, err := t.demolish(ctx, tool)
	if err == nil && left == "" {
		err = t.dropKeys(ctx, tool)
	}
	if rest <= 0 && (err != nil || left != "") {
		t.Events.Eventf(tool, nil, corev1.EventTypeWarning, api.EventDeletionTimedOut, "Delete", "%s",
			clip(fmt.Sprintf("the Tool goes after %s although something is left: %s%v", deletionDeadline, left, err), maxNote))
		left, err = "", nil
	}
	if err != nil {
		return reconcile.Result{}, fmt.Errorf("delete what was made for tool %s: %w", tool.Name, err)
	}
	if left != "" {
		message := fmt.Sprintf("the tool is being deleted, and waits for %s to go, at most until %s",
			left, tool.DeletionTimestamp.Add(deletionDeadline).UTC().Format(time.RFC3339))
		conditions.MarkUnknown(tool, meta.ReadyCondition, api.ReasonDeleting, "%s", message)
		return reconcile.Result{RequeueAfter: min(rest, namespaceCheck)}, t.save(ctx, before, tool)
	}
	controllerutil.RemoveFinalizer(tool, api.Finalizer)
	return reconcile.Result{}, t.patch(ctx, before, tool)
}

// demolish deletes what is there, and says what is left for now; "" when nothing is.
func (t *Tools) demolish(ctx context.Context, tool *api.Tool) (left string, err error) {
	namespace := reference(namespaceKind, "", tool.TargetNamespace())
	live, err := t.ask(ctx, namespace)
	if err != nil || live == nil || !owned(live, tool.Name) {
		return "", err
	}
	if live.DeletionTimestamp != nil {
		return "namespace " + live.Name, nil
	}
	objects, err := t.objects(ctx, tool)
	if err != nil {
		return "", err
	}
	for _, object := range objects {
		if err := t.remove(ctx, tool, object); err != nil {
			return "", err
		}
	}
	if err := t.removeRuns(ctx, tool); err != nil {
		return "", err
	}
	if !madeFor(live, tool) {
		// It was there before the tool. Applying nothing takes away what toolforged had put on it.
		_, err := t.write(ctx, namespace, client.ForceOwnership)
		return "", err
	}
	err = t.Client.Delete(ctx, live, client.Preconditions{UID: &live.UID})
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("delete namespace %s: %w", live.Name, err)
	}
	return "namespace " + live.Name, nil
}
