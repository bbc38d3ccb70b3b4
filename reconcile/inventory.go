package reconcile

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// same tells whether two inventory entries name the same object.
func same(a, b api.Object) bool {
	return a.APIVersion == b.APIVersion && a.Kind == b.Kind && a.Namespace == b.Namespace && a.Name == b.Name
}

func identity(object *unstructured.Unstructured) api.Object {
	return api.Object{
		APIVersion: object.GetAPIVersion(),
		Kind:       object.GetKind(),
		Namespace:  object.GetNamespace(),
		Name:       object.GetName(),
	}
}

// reference is an object of which nothing is said but which it is.
func reference(kind schema.GroupVersionKind, namespace, name string) *unstructured.Unstructured {
	object := &unstructured.Unstructured{}
	object.SetGroupVersionKind(kind)
	object.SetNamespace(namespace)
	object.SetName(name)
	return object
}

// entry is the inventory's entry of an object, nil for none.
func entry(tool *api.Tool, object *unstructured.Unstructured) *api.Object {
	at := slices.IndexFunc(tool.Status.Inventory, func(o api.Object) bool { return same(o, identity(object)) })
	if at < 0 {
		return nil
	}
	return &tool.Status.Inventory[at]
}

// record puts an object into the inventory.
func record(tool *api.Tool, object api.Object) {
	at := slices.IndexFunc(tool.Status.Inventory, func(o api.Object) bool { return same(o, object) })
	if at < 0 {
		tool.Status.Inventory = append(tool.Status.Inventory, object)
		return
	}
	tool.Status.Inventory[at] = object
}
