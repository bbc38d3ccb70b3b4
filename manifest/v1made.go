package manifest

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// V1For is V1 for images that are made: a command of one word that is a process type of its image is written as `process`, so
// that the text, put in the place of the file, means the same. offers are the process types of the image that a process runs
// in; made is false for one that is not made yet.
func (m *Manifest) V1For(offers func(Run) (types []string, made bool)) string {
	var file yaml.Node
	isWord := func(p Process) bool { return p.Run.ProcessOrCommand }
	if m.V1 == "" || !slices.ContainsFunc(m.Processes(), isWord) || yaml.Unmarshal([]byte(m.V1), &file) != nil {
		return m.V1
	}
	document := file.Content[0]
	if m.Webservice != nil {
		settle(m.Webservice.Run, child(document, "webservice"), offers)
	}
	for i, job := range m.Jobs {
		settle(job.Run, child(document, "jobs").Content[i], offers)
	}
	return encoded(document)
}

// settle writes what a command of one word is, instead of what else it may be.
func settle(run Run, written *yaml.Node, offers func(Run) ([]string, bool)) {
	if !run.ProcessOrCommand {
		return
	}
	types, made := offers(run)
	if !made {
		return
	}
	child(written, "command").LineComment = ""
	if !slices.Contains(types, run.Command) {
		return
	}
	for i := 0; i < len(written.Content); i += 2 {
		if key := written.Content[i]; key.Value == "command" {
			key.Value = "process"
		}
	}
}
