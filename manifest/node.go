package manifest

import (
	"fmt"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

const (
	// maxSteps bounds the work done for one file: every entry read counts, again each time an alias leads to it. An
	// honest file of the largest size and number of entries stays well below.
	maxSteps = 25_000
	// maxMergeDepth bounds how deep `<<` may lead to mappings with `<<`; it also ends an anchor that merges itself.
	maxMergeDepth = 8
	// maxNoted is how many problems are noted before the rest of the file is left unread.
	maxNoted = 200
)

// reader walks the nodes of one file.
type reader struct {
	problems Problems
	// positions says where each value is, paths what is at each place: keys and values, the outer ones first.
	positions map[string]Position
	paths     map[Position]string
	// jobNames says where each name was first given.
	jobNames map[string]Position
	root     []Key
	steps    int

	// notes and words are for files of older formats: see converted.
	notes Problems
	words map[string]bool
}

func newReader(root []Key) *reader {
	return &reader{
		positions: map[string]Position{}, paths: map[Position]string{}, jobNames: map[string]Position{}, words: map[string]bool{},
		root: root,
	}
}

// value is a node together with where it was found and what to call it.
type value struct {
	// name is the key, or the key of the list for an entry of a list.
	name string
	// path leads from the top of the file to the value, as in "jobs[2].env.LANG".
	path string
	// keyAt is where the key is, at where the value is; the same for an entry of a list and for a missing value.
	keyAt, at Position
	// node is never an alias.
	node *yaml.Node
}

// label is what problems call the value.
func (v value) label() string {
	if strings.HasSuffix(v.path, "]") {
		return "an entry of `" + v.name + "`"
	}
	return "`" + shorten(v.name) + "`"
}

// mapping is a mapping with its merge keys resolved, in the order written, without duplicates.
type mapping struct {
	value
	entries []value
	// meant has the keys that unknown ones seem to stand for.
	meant map[string]bool
}

func (m *mapping) get(name string) (value, bool) {
	for _, e := range m.entries {
		if e.name == name {
			return e, true
		}
	}
	return value{}, false
}

// has is also true for a key that is there but misspelt, so that it is not told to be missing as well.
func (m *mapping) has(name string) bool {
	_, ok := m.get(name)
	return ok || m.meant[name]
}

func position(n *yaml.Node) Position { return Position{Line: n.Line, Column: n.Column} }

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// spend counts one step and returns false when it is time to give up, after saying so once.
func (r *reader) spend(at Position) bool {
	r.steps++
	if r.steps == maxSteps {
		r.problems.add(at, "the file is too large once its aliases (`*name`) are filled in: use fewer of them")
	}
	return !r.gaveUp()
}

// gaveUp is true once the file has cost too much.
func (r *reader) gaveUp() bool { return r.steps >= maxSteps || len(r.problems) >= maxNoted }

// wrong notes that v is not what is allowed.
func (r *reader) wrong(v value, allowed string) {
	r.problems.add(v.at, "%s must be %s; found %s", v.label(), allowed, found(v.node))
}

// child makes the value of an entry and remembers where it is.
func (r *reader) child(parent value, name, step string, key Position, node *yaml.Node) value {
	c := value{name: name, path: step, keyAt: key, at: position(node), node: resolve(node)}
	if parent.path != "" {
		c.path = parent.path + step
		if !strings.HasPrefix(step, "[") {
			c.path = parent.path + "." + step
		}
	}
	if isNull(c.node) {
		c.at = key
	}
	r.positions[c.path] = c.at
	for _, at := range []Position{c.keyAt, c.at} {
		if _, outer := r.paths[at]; !outer {
			r.paths[at] = c.path
		}
	}
	return c
}

func (r *reader) mapping(v value, allowed string) (*mapping, bool) {
	if isNull(v.node) {
		r.problems.add(v.at, "%s must be %s; found nothing: write `{}` if there is nothing to say", v.label(), allowed)
		return nil, false
	}
	if v.node.Kind != yaml.MappingNode {
		r.wrong(v, allowed)
		return nil, false
	}
	m := &mapping{value: v, meant: map[string]bool{}}
	return m, r.collect(m, v.node, 0, map[string]bool{})
}

// collect adds the entries of node to m: its own first, which win, then those of its merge keys.
func (r *reader) collect(m *mapping, node *yaml.Node, depth int, seen map[string]bool) bool {
	var merges []*yaml.Node
	own := map[string]Position{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, val := resolve(node.Content[i]), node.Content[i+1]
		at := position(node.Content[i])
		if !r.spend(at) {
			return false
		}
		if key.Kind != yaml.ScalarNode {
			r.problems.add(at, "a key must be plain text; found %s", found(key))
			continue
		}
		if before, twice := own[key.Value]; twice {
			r.problems.add(at, "`%s` is set twice: it is already on line %d", shorten(key.Value), before.Line)
			continue
		}
		own[key.Value] = at
		if key.ShortTag() == "!!merge" {
			merges = append(merges, val)
			continue
		}
		if !seen[key.Value] {
			seen[key.Value] = true
			m.entries = append(m.entries, r.child(m.value, key.Value, key.Value, at, val))
		}
	}
	for _, value := range merges {
		if !r.merge(m, value, depth+1, seen) {
			return false
		}
	}
	return true
}

// merge adds what a merge key's value holds: a mapping, or a list of mappings of which the earlier win.
func (r *reader) merge(m *mapping, value *yaml.Node, depth int, seen map[string]bool) bool {
	sources := []*yaml.Node{value}
	if list := resolve(value); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	for _, n := range sources {
		at, source := position(n), resolve(n)
		switch {
		case !r.spend(at):
			return false
		case depth > maxMergeDepth:
			r.problems.add(at, "`<<` is nested more than %d deep here, or merges itself", maxMergeDepth)
			return false
		case source.Kind != yaml.MappingNode:
			r.problems.add(at, "`<<` must be an alias of a mapping, such as `*defaults`; found %s", found(source))
			return false
		case !r.collect(m, source, depth, seen):
			return false
		}
	}
	return true
}

// found says what a node is, in a few words.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return shorten(n.Value)
	case "!!int", "!!float":
		return "the number " + shorten(n.Value)
	case "!!str", "!!timestamp":
		return fmt.Sprintf("%q", shorten(n.Value))
	}
	return fmt.Sprintf("a value with the tag %s", shorten(n.Tag))
}

// shorten keeps a message small and printable whatever the file holds.
func shorten(s string) string {
	const most = 40
	runes := []rune(s[:min(len(s), 4*most+4)])
	if len(runes) > most {
		runes = append(runes[:most-1:most-1], '…')
	}
	for i, c := range runes {
		if !unicode.IsPrint(c) {
			runes[i] = '\ufffd'
		}
	}
	return string(runes)
}
