package reconcile

import (
	"strings"
	"testing"
)

const jobList = `
- {name: site, image: buildservice, command: web, webservice: true}
- {name: worker, image: buildservice, command: worker, continuous: true}
- {name: sleeper, image: buildservice, command: sleeper, continuous: true}
`

// What the status offers in v1 means the same, once the image is made: pushed, it changes no object.
func TestConversionRendersTheSame(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", jobList, "tree1")
	d.untilServing(tool, "one")
	v1 := tool.Status.Conversion.V1
	if !strings.Contains(v1, "process: web\n") || !strings.Contains(v1, "process: worker\n") || !strings.Contains(v1, "command: sleeper\n") {
		t.Fatalf("the image has the process types web and worker; offered is\n%s", v1)
	}
	processes := []string{"webservice", "worker", "sleeper"}
	before := make(map[string]string)
	for _, name := range processes {
		before[name] = d.deployed(tool, name).ResourceVersion
	}
	d.push(tool, "two", v1, "tree1")
	d.untilServing(tool, "two")
	if tool.Status.Conversion != nil {
		t.Errorf("it is in v1 now, and still converted: %+v", tool.Status.Conversion)
	}
	for _, name := range processes {
		if after := d.deployed(tool, name).ResourceVersion; after != before[name] {
			t.Errorf("deployment %s was written", name)
		}
	}
}
