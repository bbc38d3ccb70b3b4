package manifest

import "fmt"

// named is a mapping of at most max entries whose keys are names.
type named[V any] struct {
	of kind[V]
	// what the entries are, as in "builds", and one that is allowed, with its name.
	what, such string
	// wrongName says what is wrong with a name, or "".
	wrongName func(string) string
	// names is the schema of the names.
	names func() object
	max   int
}

func (k named[V]) allowed() string {
	return fmt.Sprintf("a mapping of at most %d %s by name (lines such as `%s`)", k.max, k.what, k.such)
}

func (k named[V]) nestedKeys() (string, []Key) { return nestedKeysOf(k.of) }

func (k named[V]) byName() bool { return true }

func (k named[V]) read(r *reader, v value) (map[string]V, bool) {
	m, ok := r.mapping(v, k.allowed())
	if !ok {
		return nil, false
	}
	if tooMany(r, v, "entries", len(m.entries), k.max) {
		return nil, false
	}
	all := make(map[string]V, len(m.entries))
	for _, e := range m.entries {
		if r.gaveUp() {
			return nil, false
		}
		if wrong := k.wrongName(e.name); wrong != "" {
			r.problems.add(e.keyAt, "%s", wrong)
		}
		if got, ok := k.of.read(r, e); ok {
			all[e.name] = got
		}
	}
	return all, true
}
