package manifest

import (
	"bytes"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// describe tells how the file was written, and how it is written in v1.
func (c *converted) describe(m *Manifest) {
	m.Format, m.Notes = c.format, c.notes
	for _, p := range m.Processes() {
		p.Run.ProcessOrCommand = c.words[p.Path]
	}
	if m.Format == FormatV1 {
		return
	}
	if m.V1 = c.text(m); m.V1 == "" {
		m.Notes = append(m.Notes, Note{
			Line: 1, Column: 1, Section: olderSection, Message: "written in v1, the file would be larger than 256 KiB, so it is not shown",
		})
	}
}

// text writes the file in v1: without aliases, merges, and the keys of the maintainer's own that held them.
func (c *converted) text(m *Manifest) string {
	w := &writer{left: maxFileBytes, r: newReader(nil)}
	document := w.mapping(value{node: c.document})
	if w.left < 0 {
		return ""
	}
	if m.Webservice != nil {
		offerProcess(&m.Webservice.Run, child(document, "webservice"))
	}
	for i := range m.Jobs {
		offerProcess(&m.Jobs[i].Run, child(document, "jobs").Content[i])
	}
	return encoded(document)
}

// encoded is the text of a document; empty when it is larger than a file may be.
func encoded(document *yaml.Node) string {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil || text.Len() > maxFileBytes {
		return ""
	}
	return text.String()
}

// offerProcess says beside a command what else it may mean.
func offerProcess(run *Run, written *yaml.Node) {
	if run.ProcessOrCommand {
		child(written, "command").LineComment = "# or process: " + run.Command + ", when the Procfile has it"
	}
}

// writer copies nodes as they are to be written.
type writer struct {
	r *reader
	// left is how many bytes the text may still have, about.
	left int
}

func (w *writer) copy(v value) *yaml.Node {
	switch v.node.Kind {
	case yaml.MappingNode:
		return w.mapping(v)
	case yaml.SequenceNode:
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		for _, n := range v.node.Content {
			if w.left -= 2; w.left < 0 {
				break
			}
			list.Content = append(list.Content, w.copy(value{node: resolve(n)}))
		}
		return list
	}
	w.left -= len(v.node.Value)
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: v.node.ShortTag(), Value: v.node.Value, Style: style(v.node)}
}

// mapping resolves merges. The maintainer's own keys (`x-…`) are left out, but not names that happen to begin so.
func (w *writer) mapping(v value) *yaml.Node {
	copied := made{}
	m, _ := w.r.mapping(v, "a mapping")
	for _, e := range m.entries {
		if strings.HasPrefix(e.name, "x-") && v.name != "builds" {
			continue
		}
		if w.left -= len(e.name) + 3; w.left < 0 {
			break
		}
		copied.set(e.name, e.keyAt, w.copy(e))
	}
	return copied.node()
}

// style chooses the notation of a text that is read back as the same, whatever it holds.
func style(n *yaml.Node) yaml.Style {
	lines := strings.Split(n.Value, "\n")
	isPlain := !strings.ContainsFunc(n.Value, func(c rune) bool { return !unicode.IsPrint(c) && c != '\n' })
	switch {
	case n.ShortTag() != "!!str":
		return 0
	case isPlain && len(lines) == 1:
		return n.Style & (yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle)
	case isPlain && !hasOuterSpaces(lines):
		return yaml.LiteralStyle
	}
	return yaml.DoubleQuotedStyle
}

// hasOuterSpaces tells of lines that do not begin and end with something to see; the last may be empty.
func hasOuterSpaces(lines []string) bool {
	for i, line := range lines {
		isEnd := i == len(lines)-1 && i > 0
		if line != strings.TrimSpace(line) || line == "" && !isEnd {
			return true
		}
	}
	return false
}
