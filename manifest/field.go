package manifest

import (
	"slices"
	"strings"
)

// Key describes one key of the file, for those who write about it: the reference, the schema, the hints in problems.
type Key struct {
	Name string
	// Doc is one sentence.
	Doc string
	// Allowed says which values are allowed, as in "a whole number from 0 to 25".
	Allowed string
	// Place is how the mapping or mappings below this key are called, as in "an entry of `jobs`"; empty for a plain value.
	Place string
	// Keys are the keys of the mapping, or of each mapping in the list, below this key.
	Keys []Key
}

// kind is a set of values: how they are read and how they are described.
type kind[V any] interface {
	// read returns false after it has noted a problem.
	read(r *reader, v value) (V, bool)
	allowed() string
}

// nested is implemented by the kinds that have keys of their own.
type nested interface {
	nestedKeys() (place string, keys []Key)
}

// field is one key of a section that is read into a T.
type field[T any] struct {
	Key
	read func(r *reader, v value, into *T)
}

// in is a key: a value of kind k goes to the place that at returns.
func in[T, V any, K kind[V]](name string, k K, at func(*T) *V, doc string) field[T] {
	f := field[T]{
		Key: Key{Name: name, Doc: doc, Allowed: k.allowed()},
		read: func(r *reader, v value, into *T) {
			if got, ok := k.read(r, v); ok {
				*at(into) = got
			}
		},
	}
	if n, ok := any(k).(nested); ok {
		f.Place, f.Keys = n.nestedKeys()
	}
	return f
}

// section is a mapping with a fixed set of keys.
type section[T any] struct {
	// place is how problems call it.
	place  string
	fields []field[T]
	// start gives the defaults; nil: the zero value.
	start func() T
	// finish checks what concerns several keys and fills in defaults that depend on others; nil: nothing to do.
	finish func(r *reader, m *mapping, t *T)
}

func (s section[T]) allowed() string { return "a mapping (lines of `key: value`)" }

func (s section[T]) nestedKeys() (string, []Key) {
	keys := make([]Key, len(s.fields))
	for i, f := range s.fields {
		keys[i] = f.Key
	}
	return s.place, keys
}

// knows tells whether the section has a key.
func (s section[T]) knows(name string) bool {
	return slices.ContainsFunc(s.fields, func(f field[T]) bool { return f.Name == name })
}

func (s section[T]) read(r *reader, v value) (T, bool) {
	var t T
	m, ok := r.mapping(v, s.allowed())
	if !ok {
		return t, false
	}
	if s.start != nil {
		t = s.start()
	}
	for _, e := range m.entries {
		if r.gaveUp() {
			return t, false
		}
		s.readEntry(r, m, e, &t)
	}
	if s.finish != nil {
		s.finish(r, m, &t)
	}
	return t, true
}

func (s section[T]) readEntry(r *reader, m *mapping, e value, t *T) {
	if strings.HasPrefix(e.name, "x-") {
		return
	}
	for _, f := range s.fields {
		if f.Name == e.name {
			f.read(r, e, t)
			return
		}
	}
	_, keys := s.nestedKeys()
	message, meant := unknownKey(e.name, keys, r.root)
	r.problems.add(e.keyAt, "%s", message)
	m.meant[meant] = true
}

// optional reads a V that may be absent.
type optional[V any] struct{ kind[V] }

func (o optional[V]) read(r *reader, v value) (*V, bool) {
	got, ok := o.kind.read(r, v)
	if !ok {
		return nil, false
	}
	return &got, true
}

func (o optional[V]) nestedKeys() (string, []Key) { return nestedKeysOf(o.kind) }

func nestedKeysOf(k any) (string, []Key) {
	if n, ok := k.(nested); ok {
		return n.nestedKeys()
	}
	return "", nil
}
