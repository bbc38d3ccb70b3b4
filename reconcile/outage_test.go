package reconcile

import (
	"net/http"
	"testing"

	corev1 "k8s.io/api/core/v1"
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

// An API server that has no time for the daemon's writes, or says that somebody was faster, again and again for a while. It
// is played: the real one does so only under a load that a test cannot be sure of.
func TestRefusedForAWhile(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusConflict, http.StatusInternalServerError} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			d, tool := startDaemon(t), addTool(t)
			d.wire.refuse(3, status)
			d.push(tool, "one", siteAndJobs, "tree1")
			d.untilServing(tool, "one")
			d.wire.refuse(3, status)
			d.push(tool, "two", site, "tree2")
			d.untilServing(tool, "two")
			d.untilQuiet(tool)
		})
	}
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
