package reconcile

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Kinds are the kinds of objects that a tool's namespace may hold by toolforged's doing.
func Kinds() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		{Group: "apps", Version: "v1", Kind: "Deployment"},
		{Group: "batch", Version: "v1", Kind: "CronJob"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
		{Version: "v1", Kind: "LimitRange"},
		{Version: "v1", Kind: "ResourceQuota"},
		{Version: "v1", Kind: "Service"},
		{Version: "v1", Kind: "ServiceAccount"},
	}
}

// prune deletes the tool's objects that are no longer declared. It goes by the inventory, and by the
// labels of what is there: an object that was applied just before the daemon was killed is in no inventory.
func (t *Tools) prune(ctx context.Context, p *pass) error {
	declared := func(o api.Object) bool {
		return o.Kind == "Namespace" || slices.ContainsFunc(p.desired, func(d *unstructured.Unstructured) bool { return same(o, identity(d)) })
	}
	candidates, err := t.labelled(ctx, p.tool)
	if err != nil {
		return err
	}
	for _, object := range p.tool.Status.Inventory {
		if !slices.ContainsFunc(candidates, func(c api.Object) bool { return same(c, object) }) {
			candidates = append(candidates, object)
		}
	}
	for _, candidate := range candidates {
		if declared(candidate) {
			continue
		}
		if err := t.remove(ctx, p.tool, candidate); err != nil {
			return err
		}
	}
	p.tool.Status.Inventory = slices.DeleteFunc(p.tool.Status.Inventory, func(o api.Object) bool { return !declared(o) })
	return nil
}

// labelled lists what is in the tool's namespace with the tool's labels, from the cache.
func (t *Tools) labelled(ctx context.Context, tool *api.Tool) ([]api.Object, error) {
	var objects []api.Object
	for _, kind := range Kinds() {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind)
		err := t.Client.List(ctx, list, client.InNamespace(tool.TargetNamespace()),
			client.MatchingLabels{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: tool.Name})
		if err != nil {
			return nil, fmt.Errorf("list objects of kind %s: %w", kind.Kind, err)
		}
		for i := range list.Items {
			if list.Items[i].DeletionTimestamp == nil {
				objects = append(objects, api.Object{
					APIVersion: kind.GroupVersion().String(),
					Kind:       kind.Kind,
					Namespace:  list.Items[i].Namespace,
					Name:       list.Items[i].Name,
				})
			}
		}
	}
	return objects, nil
}

// remove deletes one object, if it is still the tool's.
func (t *Tools) remove(ctx context.Context, tool *api.Tool, object api.Object) error {
	target := &unstructured.Unstructured{}
	target.SetAPIVersion(object.APIVersion)
	target.SetKind(object.Kind)
	target.SetNamespace(object.Namespace)
	target.SetName(object.Name)
	live, err := t.live(ctx, target)
	if err != nil || live == nil || !owned(live, tool.Name) {
		return err
	}
	err = t.Client.Delete(ctx, live, client.PropagationPolicy(metav1.DeletePropagationBackground),
		client.Preconditions{UID: &live.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s %s: %w", object.Kind, object.Name, err)
	}
	t.ledger.forget(target)
	return nil
}
