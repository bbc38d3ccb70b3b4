package reconcile

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	ctrlconfig "sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/fluxcd/pkg/runtime/conditions"
	"github.com/go-logr/logr/funcr"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/sources"
)

// logTrace is the daemon's most talkative level. (The bodies of requests are logged at 8.)
const logTrace = 2

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// daemon is the controller of tools as the program toolforged runs it, on a real API server. Revisions and builds are the
// test's.
type daemon struct {
	t         *testing.T
	admin     client.Client
	shard     Shard
	revisions *revisions
	waker     *Waker
	wire      *wire
	log       *journal
	stop      func()
	// ahead is how far the daemon's clock is ahead, in nanoseconds.
	ahead atomic.Int64
}

// startDaemon starts the controller, with some of its fields set; it ends with the test, or before by stop.
func startDaemon(t *testing.T, set ...func(*Tools)) *daemon {
	t.Helper()
	s := server.start(t)
	d := &daemon{t: t, admin: s.admin, revisions: newRevisions(), waker: &Waker{}, wire: &wire{}, log: &journal{}}
	config := rest.CopyConfig(s.config)
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { d.wire.next = next; return d.wire })
	manager, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:     scheme(),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Cache:      CacheOptions(nil),
		Logger:     funcr.New(d.log.line, funcr.Options{Verbosity: logTrace}),
		Controller: ctrlconfig.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	with := Tools{
		Config:    Config{Domain: "example.org", Scheme: "https", BuildNamespace: "builds", RolloutDeadline: 5 * time.Minute},
		Client:    manager.GetClient(),
		Live:      manager.GetAPIReader(),
		Revisions: d.revisions,
		Builds:    builds{},
		Events:    recorder{t, d.log},
		Now:       func() time.Time { return time.Now().Add(time.Duration(d.ahead.Load())) },
	}
	for _, set := range set {
		set(&with)
	}
	d.shard = with.Shard
	tools := NewTools(with)
	// One at a time: so a test knows when a tool was looked at.
	if err := tools.SetupWithManager(manager, d.waker, 1); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	d.stop = func() {
		if cancel == nil {
			return
		}
		cancel()
		cancel = nil
		if err := <-ended; err != nil {
			t.Errorf("the controller ended: %v", err)
		}
	}
	t.Cleanup(func() { d.stop() })
	return d
}

// addTool makes a Tool named for the test. It is deleted when the test ends.
func addTool(t *testing.T) *api.Tool {
	t.Helper()
	return addNamedTool(t, strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())))
}

func addNamedTool(t *testing.T, name string) *api.Tool {
	t.Helper()
	s := server.start(t)
	tool := &api.Tool{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       api.ToolSpec{Repository: "https://git.example/" + name + ".git", Interval: metav1.Duration{Duration: time.Minute}},
	}
	if err := s.admin.Create(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.Background()
		if err := client.IgnoreNotFound(s.admin.Delete(ctx, tool)); err != nil {
			t.Error(err)
		}
		// No namespace ever goes on an API server without controllers.
		release := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`))
		if err := client.IgnoreNotFound(s.admin.Patch(ctx, tool, release)); err != nil {
			t.Error(err)
		}
		keys := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: buildNamespace, Name: "age-" + name}}
		if err := client.IgnoreNotFound(s.admin.Delete(ctx, keys)); err != nil {
			t.Error(err)
		}
	})
	return tool
}

// push has the poller see a commit with that toolforge.yaml and that source.
func (d *daemon) push(tool *api.Tool, name, yaml, source string) {
	d.show(tool, sources.Observation[Revision]{Commit: commit(name), Seen: commit(name), Value: revision(yaml, source)})
}

func (d *daemon) show(tool *api.Tool, seen sources.Observation[Revision]) {
	d.revisions.set(tool.Name, seen)
	d.waker.Wake(tool.Name)
}

// passes has the tool taken through its steps n more times, to the end of each.
func (d *daemon) passes(tool *api.Tool, n int) {
	d.t.Helper()
	// The one that begins after the last ends it: tools are worked on one at a time.
	for range n + 1 {
		before := d.revisions.looked(tool.Name)
		d.waker.Wake(tool.Name)
		d.until("another pass", func() bool { return d.revisions.looked(tool.Name) > before })
	}
}

func (d *daemon) until(what string, happened func() bool) {
	d.t.Helper()
	if !d.waited(happened) {
		d.t.Fatalf("gave up waiting for %s", what)
	}
}

// waited tells whether it happened in time.
func (d *daemon) waited(happened func() bool) bool {
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// status reads a tool.
func (d *daemon) status(tool *api.Tool) api.ToolStatus {
	d.t.Helper()
	if err := d.admin.Get(d.t.Context(), client.ObjectKeyFromObject(tool), tool); err != nil {
		d.t.Fatal(err)
	}
	return tool.Status
}

// untilCondition waits for a condition to have a status and a reason, and returns its message.
func (d *daemon) untilCondition(tool *api.Tool, condition string, status metav1.ConditionStatus, reason string) string {
	d.t.Helper()
	var found *metav1.Condition
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		d.status(tool)
		found = conditions.Get(tool, condition)
		if found != nil && found.Status == status && found.Reason == reason {
			return found.Message
		}
	}
	d.t.Fatalf("condition %s is %+v; want %s, %s", condition, found, status, reason)
	return ""
}

// untilServing keeps the tool's Deployments up, as a cluster would, until the tool is ready with that commit.
func (d *daemon) untilServing(tool *api.Tool, name string) {
	d.t.Helper()
	up := func() bool {
		d.rollOut(tool)
		status := d.status(tool)
		return status.Serving != nil && status.Serving.Commit == commit(name) && conditions.IsReady(tool)
	}
	if !d.waited(up) {
		d.t.Fatalf("gave up waiting for commit %s to be up: %+v", name, tool.Status)
	}
}

// rollOut does what the Deployment controller and a kubelet would do.
func (d *daemon) rollOut(tool *api.Tool) {
	d.t.Helper()
	var list appsv1.DeploymentList
	if err := d.admin.List(d.t.Context(), &list, client.InNamespace(tool.TargetNamespace())); err != nil {
		d.t.Fatal(err)
	}
	for i := range list.Items {
		deployment := &list.Items[i]
		if deployment.Status.ObservedGeneration == deployment.Generation {
			continue
		}
		replicas := *deployment.Spec.Replicas
		deployment.Status = appsv1.DeploymentStatus{
			ObservedGeneration: deployment.Generation,
			Replicas:           replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"},
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
			},
		}
		// The daemon may have changed it meanwhile: then it is for the next look.
		if err := d.admin.Status().Update(d.t.Context(), deployment); err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			d.t.Fatal(err)
		}
	}
}
