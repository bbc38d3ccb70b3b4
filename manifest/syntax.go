package manifest

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// maxExact is how many marks a file may have to be read twice for the sake of a mistake's exact place: more than anybody has
// written by hand.
const maxExact = 10_000

var errUnreadable = errors.New("yaml: unreadable")

var (
	libraryLine = regexp.MustCompile(`^line ([0-9]+): `)
	// noAnchor is a value that begins like an anchor or an alias, but is none.
	noAnchor      = regexp.MustCompile(`(?:^|[\s\[{,])([*&])(?:$|[^A-Za-z0-9_-])`)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced$`)
)

// syntaxProblem says what is wrong with a file that is no YAML. The library tells at most a line, and often that of the
// construct around the mistake; so the file is read once more byte by byte, and where that stops is near the mistake.
func syntaxProblem(data []byte, err error) *Problem {
	if marks(data) > maxExact {
		message, line := libraryMessage(err)
		return problem(startOf(data, max(line, 1)), explain(message))
	}
	// A line before the file tells "line 0" from "no line"; the ones after it keep the distance between the mistake
	// and the last byte read the same everywhere.
	padded := append(append([]byte{'\n'}, data...), "\n\n\n\n\n\n"...)
	front := &slowReader{data: padded}
	decoder := yaml.NewDecoder(front)
	for again := error(nil); again == nil; {
		if _, again = next(decoder); again != nil && !errors.Is(again, io.EOF) {
			err = again
		}
	}
	message, line := libraryMessage(err)
	read := data[:max(0, min(front.n-1, len(data)))]
	at := lastWords(read)
	if message == "found character that cannot start any token" {
		at = positionOf(data, front.back(4)-1)
	}
	return locate(data, read, message, line-1, at)
}

// libraryMessage takes the line, if there is one, out of the library's message; 0 if there is none.
func libraryMessage(err error) (message string, line int) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if m := libraryLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
	}
	return message, line
}

// locate refines the position and the message for the mistakes of which more is known. line is the library's, counted
// from 1 and less than that when it gave none.
func locate(data, read []byte, message string, line int, at Position) *Problem {
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		if i := bytes.LastIndex(read, []byte("*"+m[1])); i >= 0 {
			at = positionOf(data, i)
		}
		return problem(at, "there is no anchor `&"+shorten(m[1])+"` above for `*"+shorten(m[1])+
			"`; if this is no alias, put it in quotes")
	}
	switch message {
	case "found undefined tag handle", "did not find expected whitespace or line break":
		at = positionOf(data, bytes.LastIndexByte(read, '!'))
	case "could not find expected ':'", "found unexpected end of stream", "found unexpected document indicator":
		if line >= 1 {
			at = startOf(data, line)
		}
	case "did not find expected alphabetic or numeric character":
		if m := noAnchor.FindSubmatchIndex(lineOf(data, at.Line)); m != nil {
			at.Column = 1 + utf8.RuneCount(lineOf(data, at.Line)[:m[2]])
		}
	case "did not find expected node content":
		// For a mistake of grammar the library's lines are one less.
		at = startOf(data, min(line+1, at.Line))
	case "found a tab character that violates indentation":
		at = startOf(data, at.Line+1)
	}
	if indentedWithTab(data, at.Line) {
		return problem(Position{Line: at.Line, Column: 1}, "this line is indented with a tab: use spaces")
	}
	return problem(at, explain(message))
}

// lastWords is the beginning of the last line that is not blank.
func lastWords(read []byte) Position {
	return startOf(read, 1+bytes.Count(bytes.TrimRight(read, " \t\r\n"), []byte{'\n'}))
}

// startOf is where the text of a line begins.
func startOf(data []byte, line int) Position {
	return Position{Line: line, Column: firstColumn(data, line)}
}

// lineOf returns the text of a line, counted from 1.
func lineOf(data []byte, line int) []byte {
	for ; line > 1; line-- {
		_, rest, ok := bytes.Cut(data, []byte{'\n'})
		if !ok {
			return nil
		}
		data = rest
	}
	text, _, _ := bytes.Cut(data, []byte{'\n'})
	return text
}

func firstColumn(data []byte, line int) int {
	text := lineOf(data, line)
	return 1 + len(text) - len(bytes.TrimLeft(text, " \t"))
}

func indentedWithTab(data []byte, line int) bool {
	text := lineOf(data, line)
	return bytes.ContainsRune(text[:firstColumn(data, line)-1], '\t')
}

func positionOf(data []byte, offset int) Position {
	before := data[:max(0, min(offset, len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return Position{Line: 1 + bytes.Count(before, []byte{'\n'}), Column: 1 + utf8.RuneCount(before[start:])}
}

// back is the offset of the character that is so many before the last one read.
func (s *slowReader) back(characters int) int {
	i := s.n
	for ; characters > 0; characters-- {
		_, size := utf8.DecodeLastRune(s.data[:i])
		i -= size
	}
	return i
}

// slowReader gives one byte at a time, so that n tells how far a reader got.
type slowReader struct {
	data []byte
	n    int
}

func (s *slowReader) Read(p []byte) (int, error) {
	if s.n == len(s.data) || len(p) == 0 {
		return 0, io.EOF
	}
	p[0] = s.data[s.n]
	s.n++
	return 1, nil
}
