package reconcile

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// modelScheme is shared by all simulations: making one takes longer than a simulation.
var modelScheme = sync.OnceValue(scheme)

// decodedAs is how a reader sees objects: typed, as metadata only, or as they are stored.
type decodedAs string

const (
	asTyped        decodedAs = "typed"
	asMetadata     decodedAs = "metadata"
	asUnstructured decodedAs = "unstructured"
)

// seenAs tells what an object or list passed to a reader asks for.
func seenAs(object runtime.Object) (schema.GroupVersionKind, decodedAs) {
	kind, err := apiutil.GVKForObject(object, modelScheme())
	if err != nil {
		panic(err)
	}
	if _, isList := object.(client.ObjectList); isList {
		kind.Kind = strings.TrimSuffix(kind.Kind, "List")
	}
	switch object.(type) {
	case *metav1.PartialObjectMetadata, *metav1.PartialObjectMetadataList:
		return kind, asMetadata
	case *unstructured.Unstructured, *unstructured.UnstructuredList:
		return kind, asUnstructured
	default:
		return kind, asTyped
	}
}

// as is a stored object as a reader sees it. It is shared and must not be changed.
func (s *stored) as(how decodedAs) client.Object {
	if object := s.decoded[how]; object != nil {
		return object
	}
	object := s.decode(how)
	if s.decoded == nil {
		s.decoded = make(map[decodedAs]client.Object)
	}
	s.decoded[how] = object
	return object
}

func (s *stored) decode(how decodedAs) client.Object {
	if how == asUnstructured {
		return s.Unstructured
	}
	content := s.Object
	var object client.Object = &metav1.PartialObjectMetadata{}
	if how == asMetadata {
		content = map[string]any{"metadata": content["metadata"]}
	} else {
		made, err := modelScheme().New(s.id.kind)
		if err != nil {
			panic(err)
		}
		object = made.(client.Object)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, object); err != nil {
		panic(fmt.Sprintf("decode %s: %v", s.id, err))
	}
	object.GetObjectKind().SetGroupVersionKind(s.id.kind)
	return object
}

// encode is an object as a request carries it.
func encode(object runtime.Object) map[string]any {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		panic(err)
	}
	kind, _ := seenAs(object)
	content["apiVersion"], content["kind"] = kind.ToAPIVersionAndKind()
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return content
}

// fill puts a copy of found into the object that a reader passed.
func fill(object, found client.Object) {
	reflect.ValueOf(object).Elem().Set(reflect.ValueOf(found.DeepCopyObject()).Elem())
}

// fillList puts copies of what was found into the list that a reader passed.
func fillList(list client.ObjectList, found []client.Object) {
	items := make([]runtime.Object, 0, len(found))
	for _, object := range found {
		items = append(items, object.DeepCopyObject())
	}
	if err := apimeta.SetList(list, items); err != nil {
		panic(err)
	}
}
