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
	// Example is a value that is allowed, and not the default; Default is what a file without the key gets, nil where
	// that is nothing, or depends on other keys.
	Example, Default any
	// Section is the part of docs/toolforge-yaml.md that describes the key: the anchor of a heading. Where it is empty,
	// that of the key above does.
	Section string
	// Place is how the mapping or mappings below this key are called, as in "an entry of `jobs`"; empty for a plain value.
	Place string
	// Keys are the keys of the mapping, or of each mapping in the list, below this key.
	Keys []Key
	// ByName: the keys of the mapping below this key are names that the file chooses, and Keys are those of each entry.
	ByName bool
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
	read   func(r *reader, v value, into *T)
	schema func() object
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
		schema: func() object { return schemaOf(k) },
	}
	if n, ok := any(k).(nested); ok {
		f.Place, f.Keys = n.nestedKeys()
	}
	if n, ok := any(k).(interface{ byName() bool }); ok {
		f.ByName = n.byName()
	}
	return f
}

// eg gives the key its example.
func (f field[T]) eg(example any) field[T] {
	f.Example = example
	return f
}

// or gives the key its default.
func (f field[T]) or(value any) field[T] {
	f.Default = value
	return f
}

// at gives the key its section in the reference.
func (f field[T]) at(section string) field[T] {
	f.Section = section
	return f
}

// section is a mapping with a fixed set of keys.
type section[T any] struct {
	// place is how problems call it.
	place string
	// such is one that is allowed, as in "{path: app}".
	such string
	// filled: an empty one is of no use.
	filled bool
	fields []field[T]
	// start gives the defaults; nil: the zero value.
	start func() T
	// finish checks what concerns several keys and fills in defaults that depend on others; nil: nothing to do.
	finish func(r *reader, m *mapping, t *T)
	// rules are those of finish that JSON Schema can express.
	rules []object
}

func (s section[T]) allowed() string {
	if s.such == "" {
		return "a mapping (lines of `key: value`)"
	}
	return "a mapping (lines of `key: value`), such as `" + s.such + "`"
}

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
	if s.filled && isNull(v.node) {
		r.wrong(v, s.allowed())
		return t, false
	}
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

func (o optional[V]) schema() object { return schemaOf(o.kind) }

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
