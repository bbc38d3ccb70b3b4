package render

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/toolforge/toolforged/manifest"
)

const withPreDeploy = `
env: {LOG_LEVEL: info}
webservice: {}
jobs:
  - {name: migrate, pre_deploy: true, command: ./manage.py migrate, timeout: 20m, memory: 1Gi, env: {DEBUG: 1}}
  - {name: worker, continuous: true, process: worker}
  - {name: warm-up, pre_deploy: true, process: worker}
`

func preDeployInput(t *testing.T) Input {
	t.Helper()
	declared, problems := manifest.Parse([]byte(withPreDeploy), manifest.Origin{})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return Input{Tool: "wiki", Namespace: "tool-wiki", Manifest: declared, Images: images, Domain: "example.org", RolloutDeadline: 5 * time.Minute}
}

func preDeployJobs(t *testing.T) []*unstructured.Unstructured {
	t.Helper()
	jobs, err := PreDeployJobs(preDeployInput(t))
	if err != nil {
		t.Fatal(err)
	}
	return jobs
}

func TestPreDeployGolden(t *testing.T) {
	golden(t, "predeploy", preDeployJobs(t))
}

// They are no objects that are kept in effect.
func TestPreDeployIsNotApplied(t *testing.T) {
	for _, object := range objects(t, preDeployInput(t)) {
		if name := object.GetName(); name != WebserviceName && name != "worker" {
			t.Errorf("%s %s is rendered", object.GetKind(), name)
		}
	}
}

func TestPreDeployName(t *testing.T) {
	longest := strings.Repeat("a", 52)
	name := PreDeployName(longest, "commit", "image")
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		t.Errorf("%s: %v", name, problems)
	}
	for _, other := range []string{
		PreDeployName(longest, "commit", "other"), PreDeployName(longest, "commit"), PreDeployName(longest, "commitimage"),
	} {
		if name == other {
			t.Errorf("two deployments have the name %s", name)
		}
	}
	if again := PreDeployName(longest, "commit", "image"); again != name {
		t.Errorf("the same deployment has the names %s and %s", name, again)
	}
}
