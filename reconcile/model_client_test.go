package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// modelClient is a daemon's client: it reads from the daemon's informers and writes to the server, through faults.
type modelClient struct{ daemon *modelDaemon }

// modelLive reads from the server, through faults.
type modelLive struct{ daemon *modelDaemon }

func (c modelLive) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	kind, how := seenAs(object)
	id := objectID{kind, key}
	return c.daemon.call("get "+id.String(), false, id.resource(), func() error {
		found := c.daemon.world.server.get(id)
		if found == nil {
			return notFound(id)
		}
		fill(object, found.as(how))
		return nil
	})
}

func (c modelLive) List(_ context.Context, list client.ObjectList, options ...client.ListOption) error {
	kind, how := seenAs(list)
	return c.daemon.call("list "+kind.Kind, false, schema.GroupResource{Resource: kind.Kind}, func() error {
		var found []client.Object
		for _, object := range c.daemon.world.server.list(kind, "") {
			found = append(found, object.as(how))
		}
		fillList(list, selected(found, options))
		return nil
	})
}

func (c modelClient) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	kind, how := seenAs(object)
	if how == asUnstructured {
		return modelLive(c).Get(ctx, key, object, options...)
	}
	found := c.daemon.informer(object, kind, how).told[key]
	if found == nil {
		return notFound(objectID{kind, key})
	}
	fill(object, found)
	return nil
}

// List is in no order, as a cache's is.
func (c modelClient) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	kind, how := seenAs(list)
	if how == asUnstructured {
		return modelLive(c).List(ctx, list, options...)
	}
	told := c.daemon.informer(nil, kind, how).told
	var found []client.Object
	for _, key := range sortedKeys(told) {
		found = append(found, told[key])
	}
	c.daemon.world.random.Shuffle(len(found), func(i, j int) { found[i], found[j] = found[j], found[i] })
	fillList(list, selected(found, options))
	return nil
}

func selected(objects []client.Object, options []client.ListOption) []client.Object {
	o := (&client.ListOptions{}).ApplyOptions(options)
	return slices.DeleteFunc(objects, func(object client.Object) bool {
		return o.Namespace != "" && object.GetNamespace() != o.Namespace ||
			o.LabelSelector != nil && !o.LabelSelector.Matches(labelSet(object)) ||
			o.FieldSelector != nil && !indexed(object, o.FieldSelector)
	})
}

// indexed tells whether the cache's indexes have the object under what is asked for.
func indexed(object client.Object, selector fields.Selector) bool {
	for _, wanted := range selector.Requirements() {
		at := slices.IndexFunc(indexes(), func(i index) bool { return i.field == wanted.Field })
		if !slices.Contains(indexes()[at].values(object), wanted.Value) {
			return false
		}
	}
	return true
}

func (c modelClient) Apply(_ context.Context, configuration runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	o := (&client.ApplyOptions{}).ApplyOptions(options)
	content := make(map[string]any)
	recode(configuration, &content)
	return c.write("apply", identified(content), func() (*stored, error) {
		return c.daemon.world.server.apply(o.FieldManager, content, o.Force != nil && *o.Force)
	}, func(written *stored) { recode(written.Object, configuration) })
}

// recode goes the way over the wire.
func recode(from, to any) {
	encoded, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(encoded, to)
	}
	if err != nil {
		panic(err)
	}
}

func (c modelClient) Create(_ context.Context, object client.Object, options ...client.CreateOption) error {
	o := (&client.CreateOptions{}).ApplyOptions(options)
	content := encode(object)
	return c.write("create", identified(content), func() (*stored, error) {
		return c.daemon.world.server.create(managerOf(o.FieldManager), content)
	}, answer(object))
}

func (c modelClient) Update(_ context.Context, object client.Object, options ...client.UpdateOption) error {
	o := (&client.UpdateOptions{}).ApplyOptions(options)
	content := encode(object)
	return c.write("update", identified(content), func() (*stored, error) {
		// The whole object as a patch: what is left out stays, which is good enough for what the daemon updates.
		return c.daemon.world.server.patch(managerOf(o.FieldManager), identified(content), content, false)
	}, answer(object))
}

func (c modelClient) Patch(_ context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	o := (&client.PatchOptions{}).ApplyOptions(options)
	return c.patch("patch", object, patch, o.FieldManager, false)
}

func (c modelClient) patch(verb string, object client.Object, patch client.Patch, manager string, status bool) error {
	if patch.Type() != types.MergePatchType {
		panic(fmt.Sprintf("patches of type %s are not in the model", patch.Type()))
	}
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	var changes map[string]any
	if err := json.Unmarshal(data, &changes); err != nil {
		return err
	}
	id := named(object)
	return c.write(verb, id, func() (*stored, error) {
		return c.daemon.world.server.patch(managerOf(manager), id, changes, status)
	}, answer(object))
}

func (c modelClient) Delete(_ context.Context, object client.Object, options ...client.DeleteOption) error {
	o := (&client.DeleteOptions{}).ApplyOptions(options)
	id := named(object)
	return c.write("delete", id, func() (*stored, error) {
		return nil, c.daemon.world.server.remove(id, o.Preconditions)
	}, func(*stored) {})
}

// write sends a request that writes, has the invariants look at what it did, and gives the answer to the caller.
func (c modelClient) write(verb string, id objectID, effect func() (*stored, error), answer func(*stored)) error {
	w := c.daemon.world
	return c.daemon.call(verb+" "+id.String(), true, id.resource(), func() error {
		before := w.server.get(id)
		written, err := effect()
		if err != nil {
			return err
		}
		w.wrote(verb, id, before, w.server.get(id))
		answer(written)
		return nil
	})
}

// identified names the object that a request is about.
func identified(content map[string]any) objectID {
	return idOf(&unstructured.Unstructured{Object: content})
}

func named(object client.Object) objectID {
	kind, _ := seenAs(object)
	return objectID{kind, client.ObjectKeyFromObject(object)}
}

// answer puts what was written into the object that the caller passed.
func answer(object client.Object) func(*stored) {
	_, how := seenAs(object)
	return func(written *stored) { fill(object, written.as(how)) }
}

// managerOf is the name of a client that gives none.
func managerOf(given string) string {
	if given == "" {
		return string(fieldOwner)
	}
	return given
}

func (c modelClient) Status() client.SubResourceWriter { return modelStatus{client: c} }

// modelStatus writes statuses. What it does not have, the daemon does not use.
type modelStatus struct {
	client.SubResourceWriter
	client modelClient
}

func (s modelStatus) Patch(_ context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	o := (&client.SubResourcePatchOptions{}).ApplyOptions(options)
	return s.client.patch("patch-status", object, patch, o.FieldManager, true)
}

func (c modelClient) DeleteAllOf(context.Context, client.Object, ...client.DeleteAllOfOption) error {
	panic("DeleteAllOf is not in the model")
}

func (c modelClient) SubResource(string) client.SubResourceClient {
	panic("SubResource is not in the model")
}
func (c modelClient) Scheme() *runtime.Scheme        { return modelScheme() }
func (c modelClient) RESTMapper() apimeta.RESTMapper { panic("RESTMapper is not in the model") }
func (c modelClient) GroupVersionKindFor(object runtime.Object) (schema.GroupVersionKind, error) {
	kind, _ := seenAs(object)
	return kind, nil
}

func (c modelClient) IsObjectNamespaced(object runtime.Object) (bool, error) {
	kind, _ := seenAs(object)
	return kind != toolKind && kind != builderKind && kind != namespaceKind && kind != volumeKind, nil
}

// Interface guards.
var (
	_ client.Client = modelClient{}
	_ client.Reader = modelLive{}
)
