package reconcile

import (
	"errors"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fluxcd/pkg/apis/meta"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/sources"
)

// Whatever is wrong with the newest commit, or with the way to it, what runs goes on.
func TestWhatRunsIsUntouched(t *testing.T) {
	for _, test := range []struct {
		name              string
		then              func(*daemon, *api.Tool)
		condition, reason string
		message           string
		problems          int
	}{
		{
			name: "invalid", condition: api.ManifestValid, reason: api.ReasonManifestInvalid,
			then: func(d *daemon, tool *api.Tool) {
				d.push(tool, "two", "webservice:\n  prot: 8000\njobs: 5\n", "tree2")
			},
			message: "line 2, column 3", problems: 2,
		},
		{
			name: "no-such-process", condition: api.ImagesReady, reason: api.ReasonManifestInvalid,
			then: func(d *daemon, tool *api.Tool) {
				d.push(tool, "two", "webservice: {}\njobs:\n  - {name: a, continuous: true, process: absent}\n", "tree2")
			},
			message: `no process type "absent"; it has: web, worker`, problems: 1,
		},
		{
			name: "no-such-language", condition: api.ImagesReady, reason: api.ReasonManifestInvalid,
			then:    func(d *daemon, tool *api.Tool) { d.push(tool, "two", "stack: cobol\nwebservice: {}\n", "tree2") },
			message: `line 1, column 8: there is no language "cobol"`, problems: 1,
		},
		{
			name: "missing", condition: api.ManifestValid, reason: api.ReasonManifestMissing,
			then: func(d *daemon, tool *api.Tool) {
				d.show(tool, sources.Observation[Revision]{Commit: commit("two"), Value: Revision{Missing: true}})
			},
			message: "has no toolforge.yaml",
		},
		{
			name: "unreachable", condition: api.SourceReady, reason: api.ReasonRepositoryFailed,
			then: func(d *daemon, tool *api.Tool) {
				d.revisions.unreachable(tool.Name)
				d.waker.Wake(tool.Name)
			},
			message: "cannot reach",
		},
		{
			name: "unreachable-since-start", condition: api.SourceReady, reason: api.ReasonRepositoryFailed,
			then: func(d *daemon, tool *api.Tool) {
				d.show(tool, sources.Observation[Revision]{Err: errors.New("cannot reach it")})
			},
			message: "cannot reach",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, tool := startDaemon(t), addTool(t)
			d.push(tool, "one", siteAndJobs, "tree1")
			d.untilServing(tool, "one")
			d.passes(tool, 2)
			d.wire.take()
			test.then(d, tool)
			message := d.untilCondition(tool, test.condition, "False", test.reason)
			if !strings.Contains(message, test.message) {
				t.Errorf("message %q does not say %q", message, test.message)
			}
			ready := d.untilCondition(tool, meta.ReadyCondition, "False", test.reason)
			if want := "commit " + commit("one")[:7] + " keeps serving"; !strings.Contains(ready, want) {
				t.Errorf("Ready says %q, want also %q", ready, want)
			}
			d.passes(tool, 2)
			if writes := objectWrites(d.wire.take()); len(writes) > 0 {
				t.Errorf("objects were written: %q", writes)
			}
			if got := len(d.status(tool).Problems); got != test.problems {
				t.Errorf("%d problems in the status, want %d: %v", got, test.problems, tool.Status.Problems)
			}
			if tool.Status.Serving.Commit != commit("one") {
				t.Errorf("serving is %+v", tool.Status.Serving)
			}
			d.push(tool, "three", siteAndJobs, "tree3")
			d.untilServing(tool, "three")
			if len(tool.Status.Problems) > 0 {
				t.Errorf("problems of an older commit are left: %v", tool.Status.Problems)
			}
		})
	}
}

func TestSuspended(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	suspend := func(yes bool) {
		before := tool.DeepCopy()
		tool.Spec.Suspend = yes
		if err := d.admin.Patch(t.Context(), tool, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
	suspend(true)
	d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonSuspended)
	if d.revisions.watches(tool.Name) {
		t.Error("a suspended tool's repository is still watched")
	}
	d.wire.take()
	d.push(tool, "two", siteAndJobs, "tree2")
	// One tool after the other: when a later one was looked at, this one was.
	other := addNamedTool(t, "later")
	d.passes(other, 1)
	for _, write := range d.wire.take() {
		if strings.Contains(write, tool.Name) {
			t.Errorf("a suspended tool was written: %s", write)
		}
	}
	suspend(false)
	d.untilServing(tool, "two")
}
