package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// The kinds that the model itself knows more of than their name.
var (
	toolKind      = api.GroupVersion.WithKind("Tool")
	builderKind   = api.GroupVersion.WithKind("Builder")
	podKind       = schema.GroupVersionKind{Version: "v1", Kind: "Pod"}
	serviceKind   = schema.GroupVersionKind{Version: "v1", Kind: "Service"}
	configMapKind = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	ingressKind   = schema.GroupVersionKind{Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}
)

// objectID names an object of the model API server.
type objectID struct {
	kind schema.GroupVersionKind
	key  client.ObjectKey
}

func (id objectID) String() string { return id.kind.Kind + " " + id.key.String() }

func (id objectID) resource() schema.GroupResource {
	return schema.GroupResource{Group: id.kind.Group, Resource: id.kind.Kind}
}

func idOf(object *unstructured.Unstructured) objectID {
	return objectID{object.GroupVersionKind(), client.ObjectKeyFromObject(object)}
}

// stored is one version of an object. It is never changed: a write makes another one.
type stored struct {
	id objectID
	*unstructured.Unstructured
	// owners are the fields that each field manager owns.
	owners map[string]fieldSet
	// decoded holds what typed readers have made of it.
	decoded map[decodedAs]client.Object
}

// modelServer is an API server: objects, their versions and the owners of their fields. It has no faults of its own; those
// are on the way to it.
type modelServer struct {
	now     func() time.Time
	objects map[schema.GroupVersionKind]map[client.ObjectKey]*stored
	version int64
	uids    int
	// changed is told of every change; before or after is nil for an object that is new or gone.
	changed func(before, after *stored)
}

func newModelServer(now func() time.Time) *modelServer {
	return &modelServer{now: now, objects: make(map[schema.GroupVersionKind]map[client.ObjectKey]*stored)}
}

func (s *modelServer) get(id objectID) *stored { return s.objects[id.kind][id.key] }

// list is in the order of namespaces and names; of all namespaces, when it is empty.
func (s *modelServer) list(kind schema.GroupVersionKind, namespace string) []*stored {
	var list []*stored
	for key, object := range s.objects[kind] {
		if namespace == "" || key.Namespace == namespace {
			list = append(list, object)
		}
	}
	slices.SortFunc(list, func(a, b *stored) int { return compareKeys(a.id.key, b.id.key) })
	return list
}

// in lists everything in a namespace, by kind and name.
func (s *modelServer) in(namespace string) []*stored {
	var list []*stored
	for _, kind := range slices.SortedFunc(maps.Keys(s.objects), compareKinds) {
		list = append(list, s.list(kind, namespace)...)
	}
	return list
}

func compareKeys(a, b client.ObjectKey) int {
	return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}

func compareKinds(a, b schema.GroupVersionKind) int {
	return cmp.Or(cmp.Compare(a.Group, b.Group), cmp.Compare(a.Kind, b.Kind))
}

func notFound(id objectID) error { return apierrors.NewNotFound(id.resource(), id.key.Name) }

// create is a POST.
func (s *modelServer) create(manager string, content map[string]any) (*stored, error) {
	object := &unstructured.Unstructured{Object: clone(content).(map[string]any)}
	id := idOf(object)
	if s.get(id) != nil {
		return nil, apierrors.NewAlreadyExists(id.resource(), id.key.Name)
	}
	if err := s.admit(id); err != nil {
		return nil, err
	}
	return s.put(nil, object, map[string]fieldSet{manager: setOf(fieldsOf(object.Object))}), nil
}

// admit refuses what has no namespace to be in.
func (s *modelServer) admit(id objectID) error {
	if id.key.Namespace == "" {
		return nil
	}
	namespace := s.get(objectID{namespaceKind, client.ObjectKey{Name: id.key.Namespace}})
	if namespace == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, id.key.Namespace)
	}
	if namespace.GetDeletionTimestamp() != nil {
		err := apierrors.NewForbidden(id.resource(), id.key.Name, fmt.Errorf("namespace %s is being terminated", id.key.Namespace))
		err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "NamespaceTerminating"}}
		return err
	}
	return nil
}

// update is a PUT of what change makes of a copy: whoever changes a field owns it then.
func (s *modelServer) update(manager string, id objectID, change func(*unstructured.Unstructured)) *stored {
	before := s.get(id)
	if before == nil {
		return nil
	}
	after := before.DeepCopy()
	change(after)
	return s.put(before, after, takenOver(before.owners, manager, fieldsOf(before.Object), fieldsOf(after.Object)))
}

// updateStatus changes the status only, which nobody owns here.
func (s *modelServer) updateStatus(id objectID, status map[string]any) {
	if before := s.get(id); before != nil {
		after := &unstructured.Unstructured{Object: maps.Clone(before.Object)}
		after.Object["status"] = status
		s.put(before, after, before.owners)
	}
}

// patch is a JSON merge patch of the object, or of its status only.
func (s *modelServer) patch(manager string, id objectID, patch map[string]any, status bool) (*stored, error) {
	before := s.get(id)
	if before == nil {
		return nil, notFound(id)
	}
	if version, locked, _ := unstructured.NestedString(patch, "metadata", "resourceVersion"); locked && version != before.GetResourceVersion() {
		return nil, modified(id)
	}
	content := mergePatched(before.Object, clone(patch)).(map[string]any)
	keep, from := before.Object, content
	if status {
		keep, from = content, before.Object
	}
	if status || hasStatus(id.kind) {
		// Each of the two ways changes its own part only.
		content = maps.Clone(from)
		delete(content, "status")
		if there, ok := keep["status"]; ok {
			content["status"] = there
		}
	}
	after := &unstructured.Unstructured{Object: content}
	return s.finalise(s.put(before, after, takenOver(before.owners, manager, fieldsOf(before.Object), fieldsOf(content)))), nil
}

func hasStatus(kind schema.GroupVersionKind) bool {
	return kind.Kind != "ControllerRevision" && kind.Kind != "ConfigMap"
}

func modified(id objectID) error {
	return apierrors.NewConflict(id.resource(), id.key.Name, fmt.Errorf("the object has been modified; please apply your changes to the latest version and try again"))
}

// takenOver is who owns what after a manager changed an object without an apply.
func takenOver(owners map[string]fieldSet, manager string, before, after map[string]any) map[string]fieldSet {
	result := make(map[string]fieldSet, len(owners)+1)
	for name, set := range owners {
		result[name] = maps.Clone(set)
	}
	lose := func(path string) {
		for _, set := range result {
			delete(set, path)
		}
	}
	for path := range before {
		if _, still := after[path]; !still {
			lose(path)
		}
	}
	for path, value := range after {
		if old, was := before[path]; was && equalJSON(old, value) {
			continue
		}
		lose(path)
		if result[manager] == nil {
			result[manager] = make(fieldSet)
		}
		result[manager][path] = true
	}
	return result
}

// remove is a DELETE.
func (s *modelServer) remove(id objectID, preconditions *metav1.Preconditions) error {
	object := s.get(id)
	if object == nil {
		return notFound(id)
	}
	if preconditions != nil {
		if preconditions.UID != nil && *preconditions.UID != object.GetUID() ||
			preconditions.ResourceVersion != nil && *preconditions.ResourceVersion != object.GetResourceVersion() {
			return modified(id)
		}
	}
	if len(object.GetFinalizers()) == 0 && id.kind != namespaceKind && id.kind != podKind {
		s.erase(id)
		return nil
	}
	if object.GetDeletionTimestamp() == nil {
		after := object.DeepCopy()
		now := metav1.NewTime(s.now())
		after.SetDeletionTimestamp(&now)
		if hasGeneration(id.kind) {
			after.SetGeneration(after.GetGeneration() + 1)
		}
		s.put(object, after, object.owners)
	}
	return nil
}

// erase has an object gone.
func (s *modelServer) erase(id objectID) {
	if before := s.get(id); before != nil {
		s.version++
		delete(s.objects[id.kind], id.key)
		s.changed(before, nil)
	}
}

// finalise has an object gone whose last finalizer was taken from it.
func (s *modelServer) finalise(object *stored) *stored {
	if object.GetDeletionTimestamp() != nil && len(object.GetFinalizers()) == 0 &&
		object.id.kind != namespaceKind && object.id.kind != podKind && s.get(object.id) == object {
		s.erase(object.id)
	}
	return object
}

// put stores the next version of an object, unless nothing changed.
func (s *modelServer) put(before *stored, object *unstructured.Unstructured, owners map[string]fieldSet) *stored {
	if before != nil && equalJSON(before.Object, object.Object) && equalJSON(before.owners, owners) {
		return before
	}
	after := &stored{id: idOf(object), Unstructured: &unstructured.Unstructured{Object: maps.Clone(object.Object)}, owners: owners}
	metadata, _ := after.Object["metadata"].(map[string]any)
	after.Object["metadata"] = maps.Clone(metadata)
	if before == nil || !equalJSON(before.owners, owners) {
		after.SetManagedFields(managedFields(after))
	}
	s.version++
	after.SetResourceVersion(strconv.FormatInt(s.version, 10))
	switch {
	case before == nil:
		s.uids++
		after.SetUID(uid(s.uids))
		after.SetCreationTimestamp(metav1.NewTime(s.now()))
		if hasGeneration(after.id.kind) {
			after.SetGeneration(1)
		}
	case hasGeneration(after.id.kind) && !equalJSON(before.Object["spec"], after.Object["spec"]):
		after.SetGeneration(before.GetGeneration() + 1)
	}
	if s.objects[after.id.kind] == nil {
		s.objects[after.id.kind] = make(map[client.ObjectKey]*stored)
	}
	s.objects[after.id.kind][after.id.key] = after
	s.changed(before, after)
	return after
}

// hasGeneration tells which kinds count the versions of their spec.
func hasGeneration(kind schema.GroupVersionKind) bool {
	switch kind.Kind {
	case "Deployment", "CronJob", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "Tool", "Builder":
		return true
	}
	return false
}
