package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// A daemon that is started again knows nothing at first, and then finds everything as it left it.
func TestRestart(t *testing.T) {
	for _, test := range []struct {
		name string
		yaml string
		ends func(*daemon, *api.Tool)
	}{
		{"serving", siteAndJobs, func(d *daemon, tool *api.Tool) { d.untilServing(tool, "one") }},
		{"rolling-out", site, func(d *daemon, tool *api.Tool) {
			d.untilCondition(tool, api.Healthy, "Unknown", api.ReasonRollingOut)
		}},
		{"stalled", "webservice: 7", func(d *daemon, tool *api.Tool) {
			d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			first, tool := startDaemon(t), addTool(t)
			first.push(tool, "one", test.yaml, "tree1")
			test.ends(first, tool)
			first.passes(tool, 2)
			first.stop()

			second := startDaemon(t)
			second.passes(tool, 2)
			second.push(tool, "one", test.yaml, "tree1")
			second.passes(tool, 3)
			if writes := second.wire.take(); len(writes) > 0 {
				t.Errorf("a restart with nothing to do wrote: %q", writes)
			}
		})
	}
}

// The daemon is killed after it applied everything and before it could write that down.
func TestKilledBeforeStatus(t *testing.T) {
	first, tool := startDaemon(t), addTool(t)
	first.wire.setCut(cutStatus)
	first.push(tool, "one", siteAndJobs, "tree1")
	first.until("the status write to fail", first.wire.wasCut)
	first.stop()
	if len(first.status(tool).Inventory) > 0 {
		t.Fatal("the status was written after all: the test shows nothing")
	}

	second := startDaemon(t)
	// In the meantime the job was removed: it is in no inventory, but has the tool's labels.
	second.push(tool, "two", site, "tree1")
	second.untilServing(tool, "two")
	var kinds []string
	for _, object := range tool.Status.Inventory {
		kinds = append(kinds, object.Kind+" "+object.Name)
	}
	want := []string{"Namespace " + tool.TargetNamespace(), "ServiceAccount tool", "NetworkPolicy tool", "Deployment webservice", "Service webservice", "Ingress webservice"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
	want = []string{
		"DELETE /" + inNamespace(tool, "api/v1", "services", "consumer"),
		"DELETE /" + inNamespace(tool, "apis/apps/v1", "deployments", "consumer"),
		"DELETE /" + inNamespace(tool, "apis/batch/v1", "cronjobs", "hourly"),
		"PATCH /" + "api/v1/namespaces/" + tool.TargetNamespace(),
		"PATCH /" + inNamespace(tool, "api/v1", "serviceaccounts", "tool"),
		"PATCH /" + inNamespace(tool, "api/v1", "services", "webservice"),
		"PATCH /" + inNamespace(tool, "apis/apps/v1", "deployments", "webservice"),
		"PATCH /" + inNamespace(tool, "apis/networking.k8s.io/v1", "ingresses", "webservice"),
		"PATCH /" + inNamespace(tool, "apis/networking.k8s.io/v1", "networkpolicies", "tool"),
		keysMade, // and finds them there
	}
	if diff := cmp.Diff(want, objectWrites(second.wire.take())); diff != "" {
		t.Errorf("what the next daemon wrote (-want +got):\n%s", diff)
	}
}
