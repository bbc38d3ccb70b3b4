package directory

import (
	"slices"
	"strings"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Listing is what one commit lists.
type Listing struct {
	// Missing says why the commit has no directory of tools; empty when it has one.
	Missing string
	// Files are the tools' files, sorted by path.
	Files []*File
}

// File is one file of a directory.
type File struct {
	// Path is the file's path in the repository.
	Path string
	// Tool is the name of the tool; empty when the file's name is none.
	Tool string
	// Spec is the spec of its Tool as JSON; empty when there are problems.
	Spec string
	// Hash identifies what the Tool is written as.
	Hash string
	// Problems are what is wrong with the file, sorted.
	Problems []api.FileProblem

	places []place
}

// place is where a field of the spec is in the file.
type place struct {
	field        string
	line, column int
}

// Place says where in the file a field is, by the path that the API server gives it ("spec.hosts[0]"), or the nearest thing
// above it.
func (f *File) Place(field string) (line, column int) {
	for field = strings.TrimPrefix(field, "spec."); ; {
		at := slices.IndexFunc(f.places, func(p place) bool { return p.field == field })
		if at >= 0 {
			return f.places[at].line, f.places[at].column
		}
		end := max(strings.LastIndexAny(field, ".["), 0)
		if end == 0 {
			return 1, 1
		}
		field = field[:end]
	}
}

// Problem is a problem of the file at a field.
func (f *File) Problem(field, message string) api.FileProblem {
	line, column := f.Place(field)
	return api.FileProblem{File: f.Path, Line: line, Column: column, Message: message}
}
