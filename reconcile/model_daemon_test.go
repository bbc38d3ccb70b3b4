package reconcile

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/reconcile/seal"
)

const (
	buildNamespace = "builds"
	modelRegistry  = "registry.example"
)

// modelDaemon is one run of the daemon, from its start to its kill: the real Tools and build.Builds, with nothing remembered.
type modelDaemon struct {
	world     *world
	tools     *Tools
	queue     *modelQueue
	informers []*informer
	poller    *modelPoller
	// working names the tool that is taken through Reconcile.
	working string
	dead    bool
}

// startDaemon replaces the daemon.
func (w *world) startDaemon() {
	d := &modelDaemon{world: w, queue: newModelQueue(&w.clock)}
	d.poller = newModelPoller(d)
	w.daemon = d
	w.starts++
	w.tracef("the daemon starts")
	var writer client.Client = modelClient{d}
	var live client.Reader = modelLive{d}
	var images build.Registry = modelRegistryClient{d}
	if w.broken.client != nil {
		writer = w.broken.client(d, writer)
	}
	if w.broken.live != nil {
		live = w.broken.live(d, live)
	}
	if w.broken.registry != nil {
		images = w.broken.registry(images)
	}
	config := w.config()
	if w.broken.config != nil {
		w.broken.config(&config)
	}
	now := func() time.Time { return w.clock.now }
	d.tools = NewTools(Tools{
		Config:    config,
		Client:    writer,
		Live:      live,
		Revisions: d.poller,
		Builds: &build.Builds{
			Config:   w.buildConfig(),
			Engine:   &build.PodEngine{Config: w.buildConfig(), Client: writer, Live: live},
			Tools:    writer,
			Registry: images, Errands: d.errands(), Logs: modelLogs{}, Now: now,
		},
		Events:      modelEvents{},
		NewIdentity: func() (*seal.Identity, error) { return modelIdentity(d.working), nil },
		Now:         now,
	})
	d.watch()
}

func (w *world) config() Config {
	return Config{Domain: "example.org", Scheme: "https", BuildNamespace: buildNamespace, RolloutDeadline: 5 * time.Minute, Policy: modelPolicy(),
		Builds: queue.Bounds{Platform: 1, Tool: 1}}
}

func (w *world) buildConfig() build.Config {
	return build.Config{
		Namespace: buildNamespace, Registry: modelRegistry, ProgramImage: "source.example/source",
		Concurrency: 1, Timeout: 30 * time.Minute,
		CPU: resource.MustParse("1"), Memory: resource.MustParse("1Gi"), Disk: resource.MustParse("1Gi"),
	}
}

// watch has the daemon woken by what SetupWithManager has it woken by.
func (d *modelDaemon) watch() {
	revised := &Waker{}
	if err := revised.source().Start(context.Background(), d.queue); err != nil {
		panic(err)
	}
	d.poller.revised = revised
	scaled := []predicate.Predicate{predicate.GenerationChangedPredicate{}}
	watches := []modelWatch{
		{&api.Tool{}, &handler.EnqueueRequestForObject{}, []predicate.Predicate{specOrKeyChanged()}},
		{&api.Tool{}, d.tools.turnHandler(), nil},
		{&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(d.tools.labelledTool), nil},
		{&corev1.Pod{}, d.tools.goneHandler(), nil},
		{&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(d.tools.labelledTool), nil},
		{&autoscalingv2.HorizontalPodAutoscaler{}, handler.EnqueueRequestsFromMapFunc(d.tools.toolOfNamespace), scaled},
		{&api.Builder{}, handler.EnqueueRequestsFromMapFunc(d.tools.all), []predicate.Predicate{predicate.ResourceVersionChangedPredicate{}}},
	}
	if d.world.broken.deaf != hostIndex {
		watches = append(watches, modelWatch{&api.Tool{}, d.tools.hostHandler(), nil})
	}
	for _, kind := range append(Kinds(), namespaceKind) {
		watches = append(watches, modelWatch{watched(kind), d.tools.objectHandler(kind), nil})
	}
	for _, watch := range watches {
		kind, how := seenAs(watch.object)
		if d.world.broken.deaf == kind.Kind {
			continue
		}
		i := d.informer(watch.object, kind, how)
		i.watches = append(i.watches, watch)
	}
	for _, i := range d.informers {
		// All have heard of everything before the first tool is worked on.
		i.told = make(map[client.ObjectKey]client.Object)
		i.list()
	}
}

// errands are run one after the other in virtual time.
func (d *modelDaemon) errands() *build.Errands {
	errands := build.NewErrands(1, func(tool string) { d.queue.Add(request(tool)) })
	errands.Run = func(errand func()) {
		d.world.clock.after(d.world.between(0, 100*time.Millisecond), func() {
			if !d.dead {
				errand()
			}
		})
	}
	return errands
}

// work takes one tool through Reconcile, as a controller's worker does. It reports whether there was one to take.
func (d *modelDaemon) work() bool {
	request, ok := d.queue.next()
	if !ok {
		return false
	}
	w := d.world
	w.reconciles++
	w.tracef("reconcile %s", request.Name)
	w.busy, d.working = true, request.Name
	result, err := d.tools.Reconcile(context.Background(), request)
	w.busy = false
	if w.broken.result != nil {
		result = w.broken.result(result)
	}
	switch {
	case err != nil && hasValue(err.Error()):
		w.failf("an error has a value of a secret in it: %v", err)
	case err != nil:
		w.tracef("  failed: %v", err)
		d.queue.AddRateLimited(request)
	case result.RequeueAfter > 0:
		w.tracef("  again after %v", result.RequeueAfter)
		d.queue.Forget(request)
		d.queue.AddAfter(request, result.RequeueAfter)
	default:
		d.queue.Forget(request)
	}
	d.queue.Done(request)
	return true
}

// die ends this run of the daemon; another one starts some seconds later.
func (d *modelDaemon) die(when string) {
	if d.dead {
		return
	}
	d.dead = true
	d.world.tracef("the daemon is killed %s", when)
	d.world.clock.after(d.world.between(time.Second, 20*time.Second), d.world.startDaemon)
}

// wake has every tool looked at.
func (d *modelDaemon) wake() {
	for _, tool := range d.world.tools {
		d.queue.Add(reconcile.Request{NamespacedName: client.ObjectKey{Name: tool.name}})
	}
}

// modelLogs are kept at once.
type modelLogs struct{}

func (modelLogs) Keep(_, _ string, a build.Attempt) build.KeptLog {
	return build.KeptLog{Read: true, End: "the log of " + a.Phase, Done: true}
}

type modelEvents struct{}

func (modelEvents) Eventf(_, _ runtime.Object, _, _, _, note string, args ...any) {
	if text := fmt.Sprintf(note, args...); hasValue(text) {
		panic(violation{"an event has a value of a secret in it: " + text})
	}
}

func labelSet(object client.Object) labels.Set { return object.GetLabels() }
