package manifest

import "go.yaml.in/yaml/v3"

// The formats that Parse reads, as Manifest.Format names them. Push-to-deploy files are called by their `config_version`, or
// FormatComponents when they have none.
const (
	FormatV1         = "v1"
	FormatTemplate   = "v1 with keys of service.template"
	FormatComponents = "components"
	FormatJobs       = "list of jobs"
)

// converted is a file in v1. Its nodes keep the places of what they are made from, so that every problem found later points
// at what the maintainer wrote.
type converted struct {
	document *yaml.Node
	format   string
	notes    []Note
	problems Problems
	// words has the processes (by Process.Path) whose command may be a process type.
	words map[string]bool
}

// convert writes a file of any format in v1.
func convert(document *yaml.Node, origin Origin) converted {
	r := newReader(nil)
	c := converted{document: document, format: FormatV1, words: r.words}
	switch {
	case document.Kind == yaml.SequenceNode:
		c.document, c.format = fromList(r, document, origin), FormatJobs
	case isToolConfig(document):
		c.document, c.format = fromComponents(r, document, origin)
	default:
		r.root = Keys()
		if v1, older := fromTemplate(r, document, origin); older {
			c.document, c.format = v1, FormatTemplate
		}
	}
	c.problems, c.notes = r.problems, tidyNotes(r.notes)
	return c
}

// isWhole tells whether the document holds all of the file, so that it can be read further in spite of problems.
func (c *converted) isWhole() bool { return c.format == FormatV1 || c.format == FormatTemplate }

func isToolConfig(document *yaml.Node) bool {
	return child(document, "components") != nil || child(document, "config_version") != nil
}
