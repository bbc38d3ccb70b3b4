package reconcile

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Fields of an object are named by their path from the root. An entry of a list that has names (containers, ports,
// variables) is [name]; any other list is one field, as a whole.

const pathSeparator = "\x1f"

// fieldSet holds paths of fields.
type fieldSet map[string]bool

func setOf(fields map[string]any) fieldSet {
	set := make(fieldSet, len(fields))
	for path := range fields {
		set[path] = true
	}
	return set
}

// systemMetadata is the API server's own.
var systemMetadata = map[string]bool{
	"name": true, "namespace": true, "uid": true, "resourceVersion": true, "generation": true, "creationTimestamp": true,
	"deletionTimestamp": true, "deletionGracePeriodSeconds": true, "managedFields": true,
}

// fieldsOf are the fields that somebody can own: all but the identity, what the API server sets, and the status.
func fieldsOf(object map[string]any) map[string]any {
	fields := make(map[string]any)
	for name, value := range object {
		switch name {
		case "apiVersion", "kind", "status":
		case "metadata":
			for name, value := range value.(map[string]any) {
				if !systemMetadata[name] {
					flatten(fields, "metadata"+pathSeparator+name, value)
				}
			}
		default:
			flatten(fields, name, value)
		}
	}
	return fields
}

func flatten(fields map[string]any, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		if len(value) == 0 {
			fields[path] = value
		}
		for name, field := range value {
			flatten(fields, path+pathSeparator+name, field)
		}
	case []any:
		key := listKey(value)
		if key == "" {
			fields[path] = value
			return
		}
		for _, item := range value {
			flatten(fields, path+pathSeparator+segmentOf(item, key), item)
		}
	default:
		fields[path] = value
	}
}

// listKey is the field that tells a list's entries apart; empty when the list is one value.
func listKey(list []any) string {
	for _, key := range []string{"uid", "name"} {
		named := len(list) > 0
		for _, item := range list {
			entry, isMap := item.(map[string]any)
			named = named && isMap && entry[key] != nil
		}
		if named {
			return key
		}
	}
	return ""
}

func segmentOf(item any, key string) string {
	return "[" + item.(map[string]any)[key].(string) + "]"
}

// merged is what an apply makes of what is there. Both stay as they are.
func merged(there, applied any) any {
	switch applied := applied.(type) {
	case map[string]any:
		old, _ := there.(map[string]any)
		result := maps.Clone(old)
		if result == nil {
			result = make(map[string]any, len(applied))
		}
		for name, value := range applied {
			result[name] = merged(result[name], value)
		}
		return result
	case []any:
		old, _ := there.([]any)
		key := listKey(applied)
		if key == "" || key != listKey(old) {
			return applied
		}
		return mergedList(old, applied, key)
	default:
		return applied
	}
}

func mergedList(there, applied []any, key string) []any {
	result := slices.Clone(there)
	for _, item := range applied {
		at := slices.IndexFunc(result, func(old any) bool { return segmentOf(old, key) == segmentOf(item, key) })
		if at < 0 {
			result = append(result, item)
			continue
		}
		result[at] = merged(result[at], item)
	}
	return result
}

// without is value less the field of that path, and less what is empty then; nil when nothing is left.
func without(value any, path string) any {
	first, rest, deeper := strings.Cut(path, pathSeparator)
	switch value := value.(type) {
	case map[string]any:
		field, there := value[first]
		if !there {
			return value
		}
		result := maps.Clone(value)
		if deeper {
			result[first] = without(field, rest)
		}
		if !deeper || result[first] == nil {
			delete(result, first)
		}
		if len(result) == 0 {
			return nil
		}
		return result
	case []any:
		return withoutEntry(value, first, rest)
	default:
		return value
	}
}

func withoutEntry(list []any, segment, rest string) any {
	key := listKey(list)
	if key == "" {
		return list
	}
	var result []any
	for _, item := range list {
		if segmentOf(item, key) == segment && (rest != key || len(item.(map[string]any)) == 1) {
			item = without(item, rest)
		}
		if item != nil {
			result = append(result, item)
		}
	}
	if len(result) == 0 {
		return nil
	}
	return result
}

// clone copies a JSON value, with whole numbers as int64, as a decoded request has them.
func clone(value any) any {
	switch value := value.(type) {
	case map[string]any:
		result := make(map[string]any, len(value))
		for name, field := range value {
			result[name] = clone(field)
		}
		return result
	case []any:
		result := make([]any, len(value))
		for i := range value {
			result[i] = clone(value[i])
		}
		return result
	case float64:
		if value == float64(int64(value)) {
			return int64(value)
		}
		return value
	default:
		return value
	}
}

// mergePatched is RFC 7386.
func mergePatched(there, patch any) any {
	changes, isMap := patch.(map[string]any)
	if !isMap {
		return patch
	}
	old, _ := there.(map[string]any)
	result := maps.Clone(old)
	if result == nil {
		result = make(map[string]any)
	}
	for name, change := range changes {
		if change == nil {
			delete(result, name)
			continue
		}
		result[name] = mergePatched(result[name], change)
	}
	return result
}

func equalJSON(a, b any) bool { return reflect.DeepEqual(a, b) }
