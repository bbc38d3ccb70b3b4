package schema_test

import (
	"strconv"

	"go.yaml.in/yaml/v3"
)

// decode reads YAML as an editor does before it validates: merge keys resolved, and JSON's types. It is false for what is
// no YAML, or holds itself.
func decode(text string) (any, bool) {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(text), &document); err != nil || len(document.Content) == 0 {
		return nil, false
	}
	return plain(document.Content[0], 0)
}

func plain(n *yaml.Node, depth int) (any, bool) {
	const deepest = 50
	switch {
	case depth > deepest:
		return nil, false
	case n.Kind == yaml.AliasNode:
		return plain(n.Alias, depth+1)
	case n.Kind == yaml.MappingNode:
		return mapping(n, depth)
	case n.Kind == yaml.SequenceNode:
		list := []any{}
		for _, entry := range n.Content {
			value, ok := plain(entry, depth+1)
			if !ok {
				return nil, false
			}
			list = append(list, value)
		}
		return list, true
	}
	return scalar(n), true
}

func mapping(n *yaml.Node, depth int) (any, bool) {
	all, merged := map[string]any{}, map[string]any{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		value, ok := plain(n.Content[i+1], depth+1)
		if _, twice := all[key.Value]; !ok || twice || key.Kind != yaml.ScalarNode {
			return nil, false
		}
		if key.ShortTag() != "!!merge" {
			all[key.Value] = value
			continue
		}
		sources, several := value.([]any)
		if !several {
			sources = []any{value}
		}
		for _, source := range sources {
			entries, ok := source.(map[string]any)
			if !ok {
				return nil, false
			}
			fill(merged, entries)
		}
	}
	fill(all, merged)
	return all, true
}

// fill adds what is not there yet.
func fill(into, from map[string]any) {
	for key, value := range from {
		if _, there := into[key]; !there {
			into[key] = value
		}
	}
}

func scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		return n.Value == "true" || n.Value == "True" || n.Value == "TRUE"
	case "!!int", "!!float":
		// JSON has no infinity, and no octal or hexadecimal numbers: to whoever reads those here, they are text.
		if number, err := strconv.ParseFloat(n.Value, 64); err == nil && number-number == 0 {
			return number
		}
	}
	return n.Value
}
