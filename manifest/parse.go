package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Parse reads a toolforge.yaml. It returns either a valid manifest with every default filled in, or everything that is
// wrong with the file; the manifest is nil when there are problems. It never panics, and its time and memory are bounded
// whatever the bytes are.
//
// Toolforge's older formats are read too: its push-to-deploy file, a list of jobs, and the keys of a service.template under
// `webservice`. Manifest.Format tells which it was, Notes what could not be kept, and V1 is the file in version v1.
func Parse(data []byte, origin Origin) (*Manifest, Problems) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if problem := unreadable(data); problem != nil {
		return nil, Problems{*problem}.in(textSection)
	}
	document, problem := decode(data)
	if problem != nil {
		return nil, Problems{*problem}.in(textSection)
	}
	if problem := foreign(document); problem != nil {
		return nil, Problems{*problem}.in(rootSection)
	}
	c := convert(document, origin)
	if len(c.problems) > 0 && !c.isWhole() {
		return nil, c.problems.Sorted().in(olderSection)
	}
	r := newReader(Keys())
	r.problems = c.problems
	f, _ := root.read(r, value{name: "toolforge.yaml", at: position(document), node: c.document})
	if len(r.problems) > 0 {
		return nil, r.problems.Sorted().found(r)
	}
	f.positions = r.positions
	c.describe(&f.Manifest)
	return &f.Manifest, nil
}

// Keys describes every key of the top level, and below each the keys of its mapping.
func Keys() []Key {
	_, keys := root.nestedKeys()
	return keys
}

// Problem says something about a place of the file that only its user can know, such as a language that no builder
// has. The path leads there, as in "stack[0]" or "jobs[2].name"; if the file does not have it, the nearest thing above
// it is meant.
func (m *Manifest) Problem(path, message string) Problem {
	section := sectionOf(path)
	at, ok := m.positions[path]
	for !ok && path != "" {
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
		at, ok = m.positions[path]
	}
	if !ok {
		at = Position{Line: 1, Column: 1}
	}
	return Problem{Line: at.Line, Column: at.Column, Message: message, Section: section}
}

// unreadable refuses what no editor of text would write, before any of it is interpreted.
func unreadable(data []byte) *Problem {
	if len(data) > maxFileBytes {
		return problem(Position{Line: 1, Column: 1}, "the file is larger than 256 KiB")
	}
	if marks(data) > maxMarks {
		return problem(Position{Line: 1, Column: 1}, fmt.Sprintf(
			"the file has too many lines, entries and comments: at most %d, all counted together", maxMarks))
	}
	at := Position{Line: 1, Column: 1}
	for i := 0; i < len(data); {
		c, size := utf8.DecodeRune(data[i:])
		if message := wrongCharacter(c, size); message != "" {
			return problem(at, message)
		}
		at.Column++
		if c == '\n' {
			at = Position{Line: at.Line + 1, Column: 1}
		}
		i += size
	}
	return nil
}

// marks counts what makes a YAML parser work, beyond the mere length of a file: what begins lines, entries and comments.
// A file of 256 KiB that consists of nothing else would keep it busy for a long time. An honest one of the largest size has
// half as many as are allowed.
func marks(data []byte) int {
	n := 0
	for _, mark := range []string{"\n", "\r", ",", "[", "{", "#", ": ", "- ", "? "} {
		n += bytes.Count(data, []byte(mark))
	}
	return n
}

func wrongCharacter(c rune, size int) string {
	switch {
	case c == utf8.RuneError && size == 1:
		return "the file is not valid UTF-8 here: save it as UTF-8"
	case c == 0:
		return "there is a NUL character here: this is no text, or saved as UTF-16; save it as UTF-8"
	case c < ' ' && c != '\n' && c != '\r' && c != '\t', c >= 0x7f && c <= 0x9f, c == '\u2028', c == '\u2029',
		c == '\ufeff', c == '\ufffe', c == '\uffff':
		return "there is an invisible control character here: delete it"
	}
	return ""
}

// decode returns the content of the only document.
func decode(data []byte) (*yaml.Node, *Problem) {
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, problem(Position{Line: 1, Column: 1}, "the file is empty: "+example)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	first, err := next(decoder)
	if errors.Is(err, io.EOF) || err == nil && isEmpty(first) {
		return nil, problem(Position{Line: 1, Column: 1}, "the file is empty: "+example)
	}
	if err != nil {
		return nil, syntaxProblem(data, err)
	}
	if isKubernetes(first.Content[0]) {
		return first.Content[0], nil
	}
	second, err := next(decoder)
	if errors.Is(err, io.EOF) {
		return first.Content[0], nil
	}
	if err != nil {
		return nil, syntaxProblem(data, err)
	}
	return nil, problem(position(second), "there is a second document here (after `---`): the file must have only one")
}

// next reads one document. The library is known to panic on rare input, which must cost a maintainer a message and not
// the daemon its life.
func next(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = errUnreadable
		}
	}()
	document = &yaml.Node{}
	if err := decoder.Decode(document); err != nil {
		return nil, err
	}
	return document, nil
}

func isEmpty(document *yaml.Node) bool {
	if len(document.Content) == 0 {
		return true
	}
	content := document.Content[0]
	return isNull(content) || content.Kind == yaml.MappingNode && len(content.Content) == 0
}
