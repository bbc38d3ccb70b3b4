package reconcile

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

func uid(number int) types.UID { return types.UID(fmt.Sprintf("uid-%d", number)) }

// apply is a server-side apply.
func (s *modelServer) apply(manager string, content map[string]any, force bool) (*stored, error) {
	applied := &unstructured.Unstructured{Object: clone(content).(map[string]any)}
	version := applied.GetResourceVersion()
	for name := range systemMetadata {
		if name != "name" && name != "namespace" {
			unstructured.RemoveNestedField(applied.Object, "metadata", name)
		}
	}
	id, fields := idOf(applied), fieldsOf(applied.Object)
	before := s.get(id)
	if before == nil {
		if version != "" {
			return nil, modified(id)
		}
		return s.create(manager, applied.Object)
	}
	if version != "" && version != before.GetResourceVersion() {
		return nil, modified(id)
	}
	lost, causes := disputed(before, manager, fields)
	if len(causes) > 0 && !force {
		return nil, apierrors.NewApplyConflict(causes, fmt.Sprintf("Apply failed with %d conflicts", len(causes)))
	}
	owners := make(map[string]fieldSet, len(before.owners)+1)
	for name, set := range before.owners {
		owners[name] = maps.Clone(set)
		for path := range lost[name] {
			delete(owners[name], path)
		}
		if len(owners[name]) == 0 {
			delete(owners, name)
		}
	}
	owners[manager] = setOf(fields)
	result := merged(before.Object, applied.Object)
	for _, path := range namesLast(before.owners[manager]) {
		if !ownedBySomebody(owners, path) {
			result = without(result, path)
		}
	}
	if err := immutable(before, result.(map[string]any)); err != nil {
		return nil, err
	}
	return s.finalise(s.put(before, &unstructured.Unstructured{Object: result.(map[string]any)}, owners)), nil
}

// namesLast sorts paths such that the field which names an entry of a list comes after the entry's other fields.
func namesLast(set fieldSet) []string {
	isName := func(path string) bool {
		return strings.HasSuffix(path, "]"+pathSeparator+"name") || strings.HasSuffix(path, "]"+pathSeparator+"uid")
	}
	return slices.SortedFunc(maps.Keys(set), func(a, b string) int {
		if isName(a) != isName(b) {
			if isName(a) {
				return 1
			}
			return -1
		}
		return strings.Compare(a, b)
	})
}

func ownedBySomebody(owners map[string]fieldSet, path string) bool {
	for _, set := range owners {
		if set[path] {
			return true
		}
	}
	return false
}

// disputed are the fields to which an apply gives another value than their owner did, by owner, and the same as the causes of
// a conflict.
func disputed(there *stored, manager string, fields map[string]any) (map[string]fieldSet, []metav1.StatusCause) {
	lost := make(map[string]fieldSet)
	var causes []metav1.StatusCause
	values := fieldsOf(there.Object)
	for _, owner := range slices.Sorted(maps.Keys(there.owners)) {
		if owner == manager {
			continue
		}
		for _, path := range slices.Sorted(maps.Keys(there.owners[owner])) {
			value, wanted := fields[path]
			if !wanted || equalJSON(value, values[path]) {
				continue
			}
			if lost[owner] == nil {
				lost[owner] = make(fieldSet)
			}
			lost[owner][path] = true
			causes = append(causes, metav1.StatusCause{
				Type:    metav1.CauseTypeFieldManagerConflict,
				Message: fmt.Sprintf("conflict with %q", owner),
				Field:   "." + strings.ReplaceAll(path, pathSeparator, "."),
			})
		}
	}
	return lost, causes
}

// managedFields says who owns what, as far as the daemon goes by it: that the fields of an owner are others is all that can
// be read from it.
func managedFields(object *stored) []metav1.ManagedFieldsEntry {
	if object.id.kind == podKind || object.id.kind == toolKind || object.id.kind == builderKind {
		return nil
	}
	var entries []metav1.ManagedFieldsEntry
	for _, owner := range slices.Sorted(maps.Keys(object.owners)) {
		operation := metav1.ManagedFieldsOperationUpdate
		if strings.HasPrefix(owner, string(fieldOwner)) {
			operation = metav1.ManagedFieldsOperationApply
		}
		sum := fnv.New64a()
		for _, path := range slices.Sorted(maps.Keys(object.owners[owner])) {
			fmt.Fprintln(sum, path)
		}
		entries = append(entries, metav1.ManagedFieldsEntry{
			Manager: owner, Operation: operation, FieldsType: "FieldsV1",
			FieldsV1: metav1.NewFieldsV1(fmt.Sprintf(`{"f:%x":{}}`, sum.Sum64())),
		})
	}
	return entries
}
