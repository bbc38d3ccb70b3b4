package manifest

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// list is a list of at most max values.
type list[V any] struct {
	of  kind[V]
	max int
}

func (k list[V]) allowed() string {
	return fmt.Sprintf("a list of at most %d, each %s", k.max, k.of.allowed())
}

func (k list[V]) nestedKeys() (string, []Key) { return nestedKeysOf(k.of) }

func (k list[V]) read(r *reader, v value) ([]V, bool) {
	switch {
	case isNull(v.node):
		r.problems.add(v.at, "%s must be a list; found nothing: write `[]` for an empty one", v.label())
		return nil, false
	case v.node.Kind == yaml.MappingNode:
		r.problems.add(v.at, "%s must be a list: begin each entry with `- `; found a mapping", v.label())
		return nil, false
	case v.node.Kind != yaml.SequenceNode:
		r.problems.add(v.at, "%s must be a list; found %s%s", v.label(), found(v.node), k.hint(v.node))
		return nil, false
	case len(v.node.Content) > k.max:
		r.problems.add(v.at, "%s has %d entries; at most %d are allowed", v.label(), len(v.node.Content), k.max)
		return nil, false
	}
	var all []V
	for i, n := range v.node.Content {
		if !r.spend(position(n)) {
			return nil, false
		}
		entry := r.child(v, v.name, fmt.Sprintf("[%d]", i), position(n), n)
		if got, ok := k.of.read(r, entry); ok {
			all = append(all, got)
		}
	}
	return all, true
}

// hint knows the single text that is to be a list of one.
func (k list[V]) hint(n *yaml.Node) string {
	if of, ok := any(k.of).(text); ok && of.wrong(n.Value) == "" {
		return ": write `[" + shorten(n.Value) + "]`"
	}
	return ""
}

// oneOrMore is a single value or a list without repetitions that is not empty.
type oneOrMore[V comparable] struct{ list[V] }

func (k oneOrMore[V]) allowed() string { return k.of.allowed() + ", or a list of them" }

func (k oneOrMore[V]) read(r *reader, v value) ([]V, bool) {
	if v.node.Kind == yaml.ScalarNode {
		one, ok := k.of.read(r, v)
		return []V{one}, ok
	}
	all, ok := k.list.read(r, v)
	if ok && len(v.node.Content) == 0 {
		r.problems.add(v.at, "%s is an empty list: name something or leave the key out", v.label())
		return nil, false
	}
	twice(r, v, all)
	return all, ok
}

// distinct is a list without repetitions.
type distinct[V comparable] struct{ list[V] }

func (k distinct[V]) read(r *reader, v value) ([]V, bool) {
	all, ok := k.list.read(r, v)
	twice(r, v, all)
	return all, ok
}

func twice[V comparable](r *reader, v value, all []V) {
	seen := map[V]bool{}
	for _, one := range all {
		if seen[one] {
			r.problems.add(v.at, "%s names %v twice", v.label(), one)
		}
		seen[one] = true
	}
}
