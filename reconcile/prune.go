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

// Kinds are the kinds of objects that a tool may have by toolforged's doing, in the order in which they are deleted: first what
// brings requests and starts runs, last what the others use. All but the PersistentVolumes are in the tool's namespace.
func Kinds() []schema.GroupVersionKind {
	return []schema.GroupVersionKind{
		{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
		{Group: "batch", Version: "v1", Kind: "CronJob"},
		{Group: "apps", Version: "v1", Kind: "Deployment"},
		{Version: "v1", Kind: "Service"},
		{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
		{Group: "rbac.authorization.k8s.io", Version: "v1", Kind: "RoleBinding"},
		secretKind,
		{Version: "v1", Kind: "ServiceAccount"},
		{Version: "v1", Kind: "PersistentVolumeClaim"},
		volumeKind,
		{Version: "v1", Kind: "LimitRange"},
		{Version: "v1", Kind: "ResourceQuota"},
	}
}

// kinds are all that a tool's namespace may hold by toolforged's doing, in the order in which they are deleted.
func (c Config) kinds() []schema.GroupVersionKind { return allKinds(c.Policy.OwnKinds()) }

// allKinds are those that toolforged renders, and before them those that only tools bring themselves.
func allKinds(own []schema.GroupVersionKind) []schema.GroupVersionKind {
	rendered := Kinds()
	all := slices.DeleteFunc(slices.Clone(own), func(kind schema.GroupVersionKind) bool { return slices.Contains(rendered, kind) })
	return append(all, rendered...)
}

// prune deletes the tool's objects that are no longer declared.
func (t *Tools) prune(ctx context.Context, p *pass) error {
	all := p.declared()
	declared := func(o api.Object) bool {
		return o.Kind == "Namespace" ||
			slices.ContainsFunc(all, func(d *unstructured.Unstructured) bool { return same(o, identity(d)) })
	}
	objects, err := t.objects(ctx, p.tool)
	if err != nil {
		return err
	}
	doomed, err := t.spare(ctx, p, slices.DeleteFunc(objects, declared))
	if err != nil {
		return err
	}
	for _, object := range doomed {
		if err := t.remove(ctx, p.tool, object); err != nil {
			return err
		}
	}
	p.tool.Status.Inventory = slices.DeleteFunc(p.tool.Status.Inventory, func(o api.Object) bool {
		return slices.ContainsFunc(doomed, func(d api.Object) bool { return same(o, d) })
	})
	return nil
}

// objects lists what the tool has, in the order in which it is deleted. It goes by the labels of what is there, and by the
// inventory: an object that was applied just before the daemon was killed is in no inventory, and one that was applied just
// now in no cache.
func (t *Tools) objects(ctx context.Context, tool *api.Tool) ([]api.Object, error) {
	var objects []api.Object
	for _, kind := range t.Config.kinds() {
		found, err := t.labelled(ctx, tool, kind)
		if err != nil {
			return nil, err
		}
		var ofKind []api.Object
		for i := range found {
			if found[i].DeletionTimestamp == nil && !seenTo(&found[i]) {
				ofKind = append(ofKind, api.Object{
					APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Namespace: found[i].Namespace, Name: found[i].Name,
				})
			}
		}
		for _, object := range tool.Status.Inventory {
			if object.Kind == kind.Kind && object.APIVersion == kind.GroupVersion().String() &&
				!slices.ContainsFunc(ofKind, func(o api.Object) bool { return same(o, object) }) {
				ofKind = append(ofKind, object)
			}
		}
		objects = append(objects, ofKind...)
	}
	return objects, nil
}

// seenTo tells of an object that others delete: that what it is part of does, such as the CronJob of a Job, or sweep. Tools
// may bring Jobs themselves.
func seenTo(object client.Object) bool {
	return metav1.GetControllerOf(object) != nil || object.GetLabels()[api.ComponentLabel] == api.PreDeployComponent
}

// remove deletes one object, if it is still the tool's.
func (t *Tools) remove(ctx context.Context, tool *api.Tool, object api.Object) error {
	target := reference(schema.FromAPIVersionAndKind(object.APIVersion, object.Kind), object.Namespace, object.Name)
	live, err := t.live(ctx, target)
	if err != nil || live == nil || !owned(live, tool.Name) {
		return err
	}
	writer, err := t.writer(live)
	if err != nil {
		return err
	}
	err = writer.Delete(ctx, live, client.PropagationPolicy(metav1.DeletePropagationBackground),
		client.Preconditions{UID: &live.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete %s: %w", nameOf(target), err)
	}
	t.ledger.forget(target)
	return nil
}
