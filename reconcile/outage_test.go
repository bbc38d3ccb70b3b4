package reconcile

import (
	"fmt"
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
	flowcontrolv1 "k8s.io/api/flowcontrol/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// What the API server goes through, the daemon gets over: what was pushed meanwhile is deployed, what was broken meanwhile is
// healed, and then nothing is written any more.
func TestOutage(t *testing.T) {
	for _, program := range []string{"kube-apiserver", "etcd"} {
		t.Run(program, func(t *testing.T) {
			d, tool := startDaemon(t), addTool(t)
			d.push(tool, "one", siteAndJobs, "tree1")
			d.untilServing(tool, "one")
			server.kill(t, program)
			d.push(tool, "two", siteAndJobs, "tree2")
			server.untilBack(t)
			d.untilServing(tool, "two")
			d.untilQuiet(tool)
		})
	}
}

// untilQuiet waits until the tool's own events are dealt with, and checks that nothing is written after that.
func (d *daemon) untilQuiet(tool *api.Tool) {
	d.t.Helper()
	d.passes(tool, 2)
	d.wire.take()
	d.passes(tool, 3)
	if writes := d.wire.take(); len(writes) > 0 {
		d.t.Errorf("a pass with nothing to do wrote: %q", writes)
	}
}

// An API server that has no time for the daemon: its own priority and fairness refuses every request.
func TestTooManyRequests(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	level := &flowcontrolv1.PriorityLevelConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: "nothing"},
		Spec: flowcontrolv1.PriorityLevelConfigurationSpec{
			Type: flowcontrolv1.PriorityLevelEnablementLimited,
			Limited: &flowcontrolv1.LimitedPriorityLevelConfiguration{
				NominalConcurrencyShares: ptr.To(int32(0)),
				LendablePercent:          ptr.To(int32(0)),
				BorrowingLimitPercent:    ptr.To(int32(0)),
				LimitResponse:            flowcontrolv1.LimitResponse{Type: flowcontrolv1.LimitResponseTypeReject},
			},
		},
	}
	schema := &flowcontrolv1.FlowSchema{
		ObjectMeta: metav1.ObjectMeta{Name: "nothing"},
		Spec: flowcontrolv1.FlowSchemaSpec{
			PriorityLevelConfiguration: flowcontrolv1.PriorityLevelConfigurationReference{Name: level.Name},
			MatchingPrecedence:         2,
			Rules: []flowcontrolv1.PolicyRulesWithSubjects{{
				Subjects: []flowcontrolv1.Subject{{Kind: flowcontrolv1.SubjectKindUser, User: &flowcontrolv1.UserSubject{Name: daemonUser}}},
				ResourceRules: []flowcontrolv1.ResourcePolicyRule{{
					Verbs: []string{"*"}, APIGroups: []string{"*"}, Resources: []string{"*"}, ClusterScope: true, Namespaces: []string{"*"},
				}},
			}},
		},
	}
	for _, object := range []client.Object{level, schema} {
		if err := d.admin.Create(t.Context(), object); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.admin.Delete(t.Context(), object) })
	}
	pushes := 0
	d.until("a request to be refused", func() bool {
		pushes++
		d.push(tool, fmt.Sprint("push", pushes), siteAndJobs, fmt.Sprint("tree", pushes))
		return d.wire.saw(http.StatusTooManyRequests) > 0
	})
	if err := d.admin.Delete(t.Context(), schema); err != nil {
		t.Fatal(err)
	}
	d.push(tool, "last", siteAndJobs, "last")
	d.untilServing(tool, "last")
	d.untilQuiet(tool)
}

// Somebody is always faster, for a while.
func TestConflicts(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.wire.setConflicts(3)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	d.wire.setConflicts(3)
	d.push(tool, "two", site, "tree2")
	d.untilServing(tool, "two")
	d.untilQuiet(tool)
}

// A watch that has expired is begun anew, with what happened in between.
func TestWatchExpires(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.passes(tool, 2)
	// The daemon hears nothing, while a Service goes and the API server forgets what happened when.
	release := d.wire.hold()
	server.kill(t, "kube-apiserver")
	server.untilBack(t)
	service := &corev1.Service{}
	service.Namespace, service.Name = tool.TargetNamespace(), "webservice"
	if err := d.admin.Delete(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	server.kill(t, "kube-apiserver")
	server.untilBack(t)
	release()
	d.until("the Service to be there again", func() bool {
		return d.admin.Get(t.Context(), client.ObjectKeyFromObject(service), service) == nil
	})
	d.until("an expired watch", func() bool { return d.wire.saw(http.StatusGone) > 0 })
	d.untilServing(tool, "one")
	d.untilQuiet(tool)
}
