package manifest

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// made is a mapping of version v1 in the making. What it holds keeps the place it has in the file, so that every later
// problem points there.
type made struct {
	at    Position
	pairs []pair
}

type pair struct{ key, value *yaml.Node }

// set adds a key; it must not be there yet.
func (m *made) set(key string, at Position, value *yaml.Node) {
	m.pairs = append(m.pairs, pair{scalarNode(at, "!!str", key), value})
}

func (m *made) setText(key string, v value, text string) {
	m.set(key, v.keyAt, scalarNode(v.at, "!!str", text))
}

func (m *made) has(key string) bool {
	return slices.ContainsFunc(m.pairs, func(p pair) bool { return p.key.Value == key })
}

// keyOrder is how a made mapping reads best.
var keyOrder = []string{
	"repository", "ref",
	"name", "schedule", "continuous", "build", "image", "command", "timeout", "retry", "emails",
	"port", "protocol", "replicas", "health_check", "cpu", "memory", "mount", "env",
}

func (m *made) sort() {
	slices.SortStableFunc(m.pairs, func(a, b pair) int {
		return slices.Index(keyOrder, a.key.Value) - slices.Index(keyOrder, b.key.Value)
	})
}

func (m *made) node() *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: m.at.Line, Column: m.at.Column}
	for _, p := range m.pairs {
		n.Content = append(n.Content, p.key, p.value)
	}
	return n
}

func scalarNode(at Position, tag, text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text, Line: at.Line, Column: at.Column}
}

func sequenceNode(at Position, entries []*yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Content: entries, Line: at.Line, Column: at.Column}
}

// checkNode is a `health_check` with one key.
func checkNode(key string, v value, text string) *yaml.Node {
	check := made{at: v.at}
	check.setText(key, v, text)
	return check.node()
}

// remove takes a key out again.
func (m *made) remove(key string) (pair, bool) {
	i := slices.IndexFunc(m.pairs, func(p pair) bool { return p.key.Value == key })
	if i < 0 {
		return pair{}, false
	}
	removed := m.pairs[i]
	m.pairs = slices.Delete(m.pairs, i, i+1)
	return removed, true
}
