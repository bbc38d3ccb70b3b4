package tekton

import (
	"encoding/json"
	"fmt"
	"strings"
)

const (
	// TaskRunLabel is the label of a pod with the name of its TaskRun.
	TaskRunLabel = "tekton.dev/taskRun"
	// containerPrefix is before a step's name in the name of its container.
	containerPrefix = "step-"
)

// Container is the name of a step's container.
func Container(step string) string { return containerPrefix + step }

// StepName is the name of the step whose container this is; found is false for a container of Tekton's own.
func StepName(container string) (step string, found bool) {
	return strings.CutPrefix(container, containerPrefix)
}

// Dir holds Tekton's files in the containers of all steps.
const Dir = "/tekton"

// ResultsDir is the directory in which a step, counted from 0, writes its results, as its own container has it: the others
// cannot write there. (The directory that Tekton's $(step.results.NAME.path) leads to, all of them can replace.)
func ResultsDir(step int) string { return fmt.Sprintf(Dir+"/run/%d/status/results", step) }

// HasVariable tells whether Tekton would replace something in a text: a parameter, or what a file holds that an earlier step
// wrote. There is no way to escape it.
func HasVariable(text string) bool { return strings.Contains(text, "$(") }

// Result is the value of a step's result in the termination message of its container. It is bounded by what Kubernetes keeps
// of such a message, 4096 bytes.
func Result(termination, name string) (string, bool) {
	var entries []struct {
		Key   string          `json:"key"`
		Value json.RawMessage `json:"value"`
	}
	if json.Unmarshal([]byte(termination), &entries) != nil {
		return "", false
	}
	// What is written first is of the entrypoint's own, the result comes when the step's program has ended.
	for i := len(entries) - 1; i >= 0; i-- {
		var value string
		if entries[i].Key == name && json.Unmarshal(entries[i].Value, &value) == nil {
			return value, true
		}
	}
	return "", false
}
