package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

func TestRemovedJobs(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	foreign := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: tool.TargetNamespace(), Name: "somebody-elses"}}
	if err := d.admin.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	d.wire.take()
	d.push(tool, "two", site, "tree1")
	d.untilServing(tool, "two")
	want := []string{
		"DELETE /" + inNamespace(tool, "api/v1", "services", "consumer"),
		"DELETE /" + inNamespace(tool, "apis/apps/v1", "deployments", "consumer"),
		"DELETE /" + inNamespace(tool, "apis/batch/v1", "cronjobs", "hourly"),
	}
	if diff := cmp.Diff(want, objectWrites(d.wire.take())); diff != "" {
		t.Errorf("what was written (-want +got):\n%s", diff)
	}
	if got := len(tool.Status.Inventory); got != 6 {
		t.Errorf("the inventory has %d objects, want namespace, account, network policy, Deployment, Service, Ingress: %v", got, tool.Status.Inventory)
	}
	d.passes(tool, 2)
	d.wire.take()
	d.passes(tool, 3)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("a pass after the removal wrote: %q", writes)
	}
}

// A Service of the tool's namespace that toolforged did not make stays, also when it has a name that was declared before.
func TestPruneLeavesWhatIsNotOurs(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	service := &corev1.Service{}
	key := client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "manual"}
	service.Namespace, service.Name = key.Namespace, key.Name
	service.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	if err := d.admin.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	d.push(tool, "two", site, "tree1")
	d.untilServing(tool, "two")
	if err := d.admin.Get(t.Context(), key, service); err != nil {
		t.Errorf("a Service that is not ours: %v", err)
	}
}

// Without the webservice there is no address.
func TestRemovedWebservice(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	d.push(tool, "two", "jobs: [{name: hourly, schedule: \"@hourly\", command: ./update}]", "tree1")
	d.untilServing(tool, "two")
	if tool.Status.URL != "" {
		t.Errorf("URL is still %q", tool.Status.URL)
	}
	for _, object := range tool.Status.Inventory {
		if object.Kind != "CronJob" && object.Kind != "Namespace" && object.Name != render.SurroundingsName {
			t.Errorf("%s %s is left", object.Kind, object.Name)
		}
	}
}

func TestForgottenTool(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilCondition(tool, api.Applied, "True", api.ReasonSucceeded)
	if !d.revisions.watches(tool.Name) {
		t.Fatal("the repository is not watched")
	}
	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	d.until("the poller to forget the repository", func() bool { return !d.revisions.watches(tool.Name) })
}
