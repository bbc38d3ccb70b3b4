package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	site = `
webservice: {}
`
	siteAndJobs = `
webservice: {}
jobs:
  - name: hourly
    schedule: "@hourly"
    command: ./update
  - name: consumer
    continuous: true
    process: worker
    port: 9000
`
)

// applies spells one apply of each object.
func applies(path ...string) []string {
	var writes []string
	for _, p := range path {
		writes = append(writes, "PATCH /"+p)
	}
	return writes
}

func inNamespace(tool *api.Tool, group, resource, name string) string {
	return group + "/namespaces/" + tool.TargetNamespace() + "/" + resource + "/" + name
}

func TestFirstConverge(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilCondition(tool, api.Applied, "True", api.ReasonSucceeded)
	d.untilCondition(tool, api.Healthy, "Unknown", api.ReasonRollingOut)
	d.untilServing(tool, "one")
	want := applies(
		"api/v1/namespaces/"+tool.TargetNamespace(),
		inNamespace(tool, "api/v1", "serviceaccounts", "tool"),
		inNamespace(tool, "api/v1", "services", "consumer"),
		inNamespace(tool, "api/v1", "services", "webservice"),
		inNamespace(tool, "apis/apps/v1", "deployments", "consumer"),
		inNamespace(tool, "apis/apps/v1", "deployments", "webservice"),
		inNamespace(tool, "apis/batch/v1", "cronjobs", "hourly"),
		inNamespace(tool, "apis/networking.k8s.io/v1", "ingresses", "webservice"),
		inNamespace(tool, "apis/networking.k8s.io/v1", "networkpolicies", "tool"),
	)
	if diff := cmp.Diff(append(want, keysMade), objectWrites(d.wire.take())); diff != "" {
		t.Errorf("one apply for each object (-want +got):\n%s", diff)
	}
	if got := len(tool.Status.Inventory); got != len(want) {
		t.Errorf("the inventory has %d objects, want %d", got, len(want))
	}
	if want := "https://" + tool.Name + ".example.org/"; tool.Status.URL != want {
		t.Errorf("URL is %q, want %q", tool.Status.URL, want)
	}
}

func TestNothingChanged(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	d.passes(tool, 2) // what the objects' own events cause
	d.wire.take()
	d.passes(tool, 5)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("a pass with nothing to do wrote: %q", writes)
	}
}

// A commit that changes the source alone has another image: every workload is applied once, and nothing else.
func TestChangedImage(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	d.wire.take()
	d.push(tool, "two", siteAndJobs, "tree2")
	d.untilServing(tool, "two")
	want := applies(
		inNamespace(tool, "apis/apps/v1", "deployments", "consumer"),
		inNamespace(tool, "apis/apps/v1", "deployments", "webservice"),
		inNamespace(tool, "apis/batch/v1", "cronjobs", "hourly"),
	)
	if diff := cmp.Diff(want, objectWrites(d.wire.take())); diff != "" {
		t.Errorf("one apply for each object that changed (-want +got):\n%s", diff)
	}
}

// A commit that changes nothing of what runs is deployed without a write but to the status.
func TestChangedCommitAlone(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.wire.take()
	d.push(tool, "two", site, "tree1")
	d.untilServing(tool, "two")
	if writes := objectWrites(d.wire.take()); len(writes) > 0 {
		t.Errorf("objects were written: %q", writes)
	}
}

func TestHandEditedObjectIsPutBack(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	key := client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "webservice"}

	var deployment appsv1.Deployment
	if err := d.admin.Get(t.Context(), key, &deployment); err != nil {
		t.Fatal(err)
	}
	deployment.Spec.Template.Spec.Containers[0].Image = "attacker.example/image"
	if err := d.admin.Update(t.Context(), &deployment, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	var service corev1.Service
	if err := d.admin.Get(t.Context(), key, &service); err != nil {
		t.Fatal(err)
	}
	service.Spec.Selector = map[string]string{"some": "other"}
	if err := d.admin.Update(t.Context(), &service, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	d.until("the edits to be undone", func() bool {
		if err := d.admin.Get(t.Context(), key, &deployment); err != nil {
			t.Fatal(err)
		}
		if err := d.admin.Get(t.Context(), key, &service); err != nil {
			t.Fatal(err)
		}
		return deployment.Spec.Template.Spec.Containers[0].Image == tool.Status.Serving.Images[0].Reference &&
			service.Spec.Selector["some"] == ""
	})
}

func TestDeletedObjectIsMadeAgain(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	service := &corev1.Service{}
	service.Namespace, service.Name = tool.TargetNamespace(), "webservice"
	if err := d.admin.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	d.until("the Service to be there again", func() bool {
		return d.admin.Get(t.Context(), client.ObjectKeyFromObject(service), service) == nil
	})
}
