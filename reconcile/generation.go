package reconcile

import (
	"encoding/json"
	"hash/fnv"
	"math"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/reconcile/render"
)

// numbered gives a generation to an object whose kind has none, such as a Service or a ResourceQuota: a number made of the
// fields that are toolforged's, of the rendering they are from, and of which object it is (a Secret that somebody has deleted and
// made again may have other values in the same fields). Whoever changes one of these fields takes it over, and
// the number is another; what is written beside them, as how much of a quota is used, leaves it the same.
//
// An object that toolforged has never applied keeps generation 0. The numbers do not grow.
func numbered(object client.Object) {
	if object.GetGeneration() != 0 {
		return
	}
	for _, entry := range object.GetManagedFields() {
		if entry.Manager != string(fieldOwner) || entry.Operation != metav1.ManagedFieldsOperationApply || entry.Subresource != "" {
			continue
		}
		// The order of the keys differs between what a write is answered with and what a watch tells.
		var fields map[string]any
		if entry.FieldsV1 == nil || json.Unmarshal(entry.FieldsV1.GetRawBytes(), &fields) != nil {
			return
		}
		sorted, err := json.Marshal(fields)
		if err != nil {
			return
		}
		hash := fnv.New64a()
		hash.Write(sorted)
		hash.Write([]byte(object.GetAnnotations()[render.HashAnnotation]))
		hash.Write([]byte(object.GetUID()))
		object.SetGeneration(int64(hash.Sum64()%math.MaxInt64) + 1)
		return
	}
}

// slim is the transformation of all that is cached: numbered, and without managed fields, which are most of its size.
func slim(object any) (any, error) {
	// One that is cached already may come again: it is read by others then, and must not be written.
	if o, ok := object.(client.Object); ok && o.GetManagedFields() != nil {
		numbered(o)
		o.SetManagedFields(nil)
	}
	return object, nil
}
