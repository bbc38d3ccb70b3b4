package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// foreign recognises a file of this name that is something else, and says so in one sentence.
func foreign(document *yaml.Node) *Problem {
	message := ""
	switch document.Kind {
	case yaml.MappingNode:
		message = foreignMapping(document)
	case yaml.SequenceNode:
		if !isJobList(document) {
			message = "this is a list, but not of jobs, each with `name`, `command` and `image`; " + example
		}
	default:
		message = fmt.Sprintf("this is no toolforge.yaml: it holds only %s; %s", found(document), example)
	}
	if message == "" {
		return nil
	}
	return problem(position(document), message)
}

func foreignMapping(document *yaml.Node) string {
	switch {
	case isKubernetes(document):
		return fmt.Sprintf("this is a Kubernetes object (kind %s), not a toolforge.yaml; %s",
			shorten(child(document, "kind").Value), example)
	case isToolConfig(document):
		return ""
	case isTemplate(document):
		return "this is a service.template: put its keys under `webservice:`"
	case child(document, "services") != nil && child(document, "webservice") == nil && child(document, "jobs") == nil:
		return "this is a file for Docker Compose (it has `services`), not a toolforge.yaml; " + example
	}
	return strangers(document)
}

// strangers describes a file none of whose keys means anything here, not even as a misspelling.
func strangers(document *yaml.Node) string {
	var names []string
	keys := Keys()
	for i := 0; i+1 < len(document.Content); i += 2 {
		name := resolve(document.Content[i]).Value
		if len(names) == 3 {
			names = append(names, "…")
			break
		}
		_, close := nearest(name, keys)
		if close || name == "<<" || strings.HasPrefix(name, "x-") || len(placesOf(name, "", keys)) > 0 {
			return ""
		}
		names = append(names, "`"+shorten(name)+"`")
	}
	// One strange key may be a mistake; the list of allowed ones helps more then.
	if len(names) < 2 {
		return ""
	}
	return fmt.Sprintf("this is the file of another program, not a toolforge.yaml: it begins with the keys %s; %s",
		strings.Join(names, ", "), example)
}

func isKubernetes(n *yaml.Node) bool {
	return n.Kind == yaml.MappingNode && child(n, "apiVersion") != nil && child(n, "kind") != nil
}

// isJobList tells the list that `toolforge jobs load` takes by its first entry.
func isJobList(n *yaml.Node) bool {
	if len(n.Content) == 0 {
		return false
	}
	first := resolve(n.Content[0])
	known := 0
	for i := 0; i+1 < len(first.Content) && first.Kind == yaml.MappingNode; i += 2 {
		if listedSection.knows(first.Content[i].Value) || first.Content[i].ShortTag() == "!!merge" {
			known++
		}
	}
	return known > 1
}

// isTemplate tells a service.template, whose keys are all the webservice's.
func isTemplate(n *yaml.Node) bool {
	if child(n, "type") == nil && child(n, "backend") == nil {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name := n.Content[i].Value
		if !templateSection.knows(name) && !webserviceSection.knows(name) {
			return false
		}
	}
	return true
}

// child returns the value of a key, or nil.
func child(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return resolve(mapping.Content[i+1])
		}
	}
	return nil
}
