package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// maxProblems is how many problems are told of one file; a last one says how many more there are.
const maxProblems = 50

// Position is a place in the file; both count from 1, columns in characters.
type Position struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// Problem is one thing that is wrong with a file: what was found, and what is allowed.
type Problem struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	// Section is the part of docs/toolforge-yaml.md that says more: the anchor of a heading, as in "health_check".
	Section string `json:"section,omitempty"`
}

func problem(at Position, message string) *Problem {
	return &Problem{Line: at.Line, Column: at.Column, Message: message}
}

func (p Problem) String() string {
	return fmt.Sprintf("line %d, column %d: %s", p.Line, p.Column, p.Message)
}

// Problems is everything that is wrong with a file, sorted by line and column, without repetitions.
type Problems []Problem

var _ error = Problems(nil)

// Error gives one problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

func (ps *Problems) add(at Position, format string, args ...any) {
	*ps = append(*ps, Problem{Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
}

// Sorted sorts by line and column, removes repetitions (one anchor used twice has its problem once) and keeps the first
// maxProblems.
func (ps Problems) Sorted() Problems {
	return ps.tidy("problems")
}

// tidy is Sorted for problems and for notes; what is how the last one calls the others.
func (ps Problems) tidy(what string) Problems {
	slices.SortFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Message, b.Message))
	})
	ps = slices.Compact(ps)
	if len(ps) <= maxProblems {
		return ps
	}
	first := ps[maxProblems]
	more := Problem{Line: first.Line, Column: first.Column,
		Message: fmt.Sprintf("and at least %d more %s from here on", len(ps)-maxProblems, what)}
	return append(ps[:maxProblems:maxProblems], more)
}
