package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// soon is a deadline that a test can wait for.
const soon = 2 * time.Second

func withDeadline(d time.Duration) func(*Tools) {
	return func(tools *Tools) { tools.Config.RolloutDeadline = d }
}

func (d *daemon) deployed(tool *api.Tool, name string) *appsv1.Deployment {
	d.t.Helper()
	deployment := &appsv1.Deployment{}
	if err := d.admin.Get(d.t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: name}, deployment); err != nil {
		d.t.Fatal(err)
	}
	return deployment
}

func (d *daemon) image(tool *api.Tool, name string) string {
	d.t.Helper()
	return d.deployed(tool, name).Spec.Template.Spec.Containers[0].Image
}

// A deployment that does not become healthy in time is taken back whole: what it changed, what it added, what it removed.
func TestTakenBack(t *testing.T) {
	d, tool := startDaemon(t, withDeadline(soon)), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	good := d.image(tool, "webservice")

	d.push(tool, "two", `
webservice: {}
jobs:
  - {name: nightly, schedule: "@daily", command: ./night}
`, "tree2")
	message := d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonRolledBack)
	for _, want := range []string{"commit " + commit("two")[:7] + " was taken back", "commit " + commit("one")[:7] + " keeps serving"} {
		if !strings.Contains(message, want) {
			t.Errorf("Ready says %q, want also %q", message, want)
		}
	}
	if got := d.image(tool, "webservice"); got != good {
		t.Errorf("the webservice runs %s, want %s", got, good)
	}
	var kinds []string
	for _, object := range tool.Status.Inventory {
		kinds = append(kinds, object.Kind+" "+object.Name)
	}
	want := []string{"Namespace " + tool.TargetNamespace(), "Deployment webservice", "Service webservice", "Ingress webservice",
		"CronJob hourly", "Deployment consumer", "Service consumer", "ServiceAccount tool", "NetworkPolicy tool"}
	if diff := cmp.Diff(sorted(want), sorted(kinds)); diff != "" {
		t.Errorf("inventory (-want +got):\n%s", diff)
	}
	past := tool.Status.History[0]
	if past.Outcome != api.OutcomeFailed || past.Commit != commit("two") || past.Message == "" || past.FinishedAt == nil {
		t.Errorf("history begins with %+v", past)
	}

	// It is not tried again, also not by the next daemon.
	d.passes(tool, 2)
	d.wire.take()
	d.passes(tool, 3)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("a pass after it was taken back wrote: %q", writes)
	}
	d.stop()
	next := startDaemon(t, withDeadline(soon))
	next.passes(tool, 1)
	next.push(tool, "two", "webservice: {}\njobs:\n  - {name: nightly, schedule: \"@daily\", command: ./night}\n", "tree2")
	next.passes(tool, 3)
	for _, write := range next.wire.take() {
		if !strings.Contains(write, "toolforge.org") {
			t.Errorf("the next daemon wrote: %s", write)
		}
	}
	// A newer commit is.
	next.push(tool, "three", site, "tree3")
	next.untilServing(tool, "three")
	if got := tool.Status.History[0]; got.Outcome != api.OutcomeSucceeded || got.Commit != commit("three") {
		t.Errorf("history begins with %+v", got)
	}
}

// Where nothing was healthy before there is nothing to go back to: what was made stays, and may yet become healthy.
func TestNothingToGoBackTo(t *testing.T) {
	d, tool := startDaemon(t, withDeadline(soon)), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonUnhealthy)
	d.deployed(tool, "webservice")
	d.untilServing(tool, "one")
	if got := tool.Status.History; len(got) != 1 || got[0].Outcome != api.OutcomeSucceeded {
		t.Errorf("the history is %+v", got)
	}
}

// The Deployment controller's own word that it makes no progress counts at once.
func TestNoProgress(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.push(tool, "two", site, "tree2")
	d.until("commit two to be applied", func() bool { return d.image(tool, "webservice") != tool.Status.Serving.Images[0].Reference })
	deployment := d.deployed(tool, "webservice")
	deployment.Status.ObservedGeneration = deployment.Generation
	deployment.Status.UnavailableReplicas = 1
	deployment.Status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded", Message: "gave up"},
	}
	if err := d.admin.Status().Update(t.Context(), deployment); err != nil {
		t.Fatal(err)
	}
	d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonRolledBack)
}

// A newer commit does not wait for the verdict on an older one.
func TestNewCommitInterrupts(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.push(tool, "two", site, "tree2")
	d.until("commit two to be under way", func() bool {
		deploying := d.status(tool).Deploying
		return deploying != nil && deploying.Commit == commit("two")
	})
	// A mistake in between changes nothing: the older one goes on.
	d.push(tool, "wrong", "webservice: 7", "tree3")
	d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	if deploying := tool.Status.Deploying; deploying == nil || deploying.Commit != commit("two") {
		t.Errorf("deploying is %+v, want commit two still", deploying)
	}
	d.push(tool, "three", site, "tree4")
	d.untilServing(tool, "three")
	var got []string
	for _, past := range tool.Status.History {
		got = append(got, fmt.Sprintf("%.7s %s %s", past.Commit, past.Outcome, past.Cause))
	}
	c := func(name string) string { return commit(name)[:7] }
	want := []string{
		fmt.Sprintf("%s Succeeded commit %s, was %s", c("three"), c("three"), c("one")),
		fmt.Sprintf("%s Superseded commit %s, was %s", c("two"), c("two"), c("one")),
		fmt.Sprintf("%s Succeeded first deployment", c("one")),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	if tool.Status.Deploying != nil {
		t.Errorf("deploying is still %+v", tool.Status.Deploying)
	}
}

// While the newest commit cannot be deployed, what serves is still kept as it was.
func TestHealedBehindAMistake(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.push(tool, "two", "webservice: 7", "tree2")
	d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	service := &corev1.Service{}
	service.Namespace, service.Name = tool.TargetNamespace(), "webservice"
	if err := d.admin.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	d.until("the Service to be there again", func() bool {
		return d.admin.Get(t.Context(), client.ObjectKeyFromObject(service), service) == nil
	})
	d.untilCondition(tool, meta.ReadyCondition, "False", api.ReasonManifestInvalid)
}

func TestHistoryIsBounded(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	for i := range maxHistory + 3 {
		name := fmt.Sprint("commit", i)
		d.push(tool, name, site, "tree")
		d.untilServing(tool, name)
	}
	history := tool.Status.History
	if len(history) != maxHistory {
		t.Fatalf("the history has %d entries, want %d", len(history), maxHistory)
	}
	if first := commit(fmt.Sprint("commit", maxHistory+2)); history[0].Commit != first {
		t.Errorf("the newest is %.7s, want %.7s", history[0].Commit, first)
	}
}
