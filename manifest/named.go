package manifest

import "fmt"

// named is a mapping of at most max entries whose keys are names.
type named[V any] struct {
	of kind[V]
	// what the entries are, as in "builds".
	what string
	name text
	max  int
}

func (k named[V]) allowed() string {
	return fmt.Sprintf("a mapping of at most %d %s by name", k.max, k.what)
}

func (k named[V]) nestedKeys() (string, []Key) { return nestedKeysOf(k.of) }

func (k named[V]) read(r *reader, v value) (map[string]V, bool) {
	m, ok := r.mapping(v, k.allowed())
	if !ok {
		return nil, false
	}
	if len(m.entries) > k.max {
		r.problems.add(v.at, "%s has %d entries; at most %d are allowed", v.label(), len(m.entries), k.max)
		return nil, false
	}
	all := make(map[string]V, len(m.entries))
	for _, e := range m.entries {
		if r.gaveUp() {
			return nil, false
		}
		if wrong := k.name.wrong(e.name); wrong != "" {
			r.problems.add(e.keyAt, "the name `%s` %s", shorten(e.name), wrong)
		}
		if got, ok := k.of.read(r, e); ok {
			all[e.name] = got
		}
	}
	return all, true
}
