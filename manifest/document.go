package manifest

import (
	"bytes"
	"errors"
	"io"

	"go.yaml.in/yaml/v3"
)

// Document reads a YAML file that is no toolforge.yaml, with the same bounds, and returns the content of its only document; nil
// when there is none. Mistakes of YAML are told in the same words, with the place. Aliases are not followed.
func Document(data []byte) (*yaml.Node, *Problem) {
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if problem := unreadable(data); problem != nil {
		return nil, problem
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	first, err := next(decoder)
	if errors.Is(err, io.EOF) || err == nil && isEmpty(first) {
		return nil, nil
	}
	if err != nil {
		return nil, syntaxProblem(data, err)
	}
	second, err := next(decoder)
	switch {
	case errors.Is(err, io.EOF):
		return first.Content[0], nil
	case err != nil:
		return nil, syntaxProblem(data, err)
	}
	return nil, problem(position(second), "there is a second document here (after `---`): the file must have only one")
}

// FoundNode says what a node is, in a few words, for a message.
func FoundNode(node *yaml.Node) string { return found(resolve(node)) }
