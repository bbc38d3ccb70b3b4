package reconcile

import (
	"fmt"
	"math/rand/v2"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
)

// Budgets of one simulation: whoever needs more goes round in circles.
const (
	maxEvents     = 100_000
	maxReconciles = 20_000
	maxWrites     = 1_000
	// quietAfter is how long nothing may be written for the world to be at rest, whatever still ticks. It is more than any
	// delay in the daemon.
	quietAfter = time.Hour
)

// world is everything there is in a simulation. One random stream decides all that happens in it, and nothing happens at the
// same time as something else: a seed gives the same history each time.
type world struct {
	seed   uint64
	random *rand.Rand
	clock  modelClock
	began  time.Time
	trace  modelTrace
	broken broken

	server   *modelServer
	images   *modelImages
	rollouts *modelRollouts
	kubelet  *modelKubelet
	jobs     *modelJobs
	garbage  *modelGarbage
	binder   modelBinder
	runs     *modelRuns
	tools    []*modelTool
	commits  map[string]*modelCommit
	daemon   *modelDaemon

	faults faults
	// mishaps is how likely it is that a phase of a build fails by the platform's fault.
	mishaps float64
	// lag is the most by which a watch is late.
	lag time.Duration
	// calm: no more faults. Outage: the API server does not answer.
	calm, outage bool
	// inside tells that something is happening: nothing else can until it has.
	inside bool
	// busy tells that the daemon is in the middle of something.
	busy bool

	invariants invariants
	counts
}

// counts are what the simulation's bounds are about.
type counts struct{ events, calls, writes, reconciles, faulted, starts int }

// broken is what a test breaks, to see that the simulation finds it.
type broken struct {
	client   func(*modelDaemon, client.Client) client.Client
	live     func(*modelDaemon, client.Reader) client.Reader
	registry func(build.Registry) build.Registry
	result   func(reconcile.Result) reconcile.Result
	config   func(*Config)
	// deaf is the kind whose watch wakes nobody; hostIndex for what other Tools are granted.
	deaf string
}

// modelTool is one tool and its repository.
type modelTool struct {
	name    string
	head    *modelCommit
	history []*modelCommit
}

func (t *modelTool) id() objectID      { return objectID{toolKind, client.ObjectKey{Name: t.name}} }
func (t *modelTool) namespace() string { return "tool-" + t.name }

func newWorld(seed uint64, b broken) *world {
	w := &world{seed: seed, broken: b, random: rand.New(rand.NewPCG(seed, 0)), commits: make(map[string]*modelCommit)}
	w.began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	w.clock.now = w.began
	w.server = newModelServer(func() time.Time { return w.clock.now })
	w.images, w.rollouts = newModelImages(), newModelRollouts(w)
	w.kubelet, w.garbage, w.binder = &modelKubelet{w}, &modelGarbage{w}, modelBinder{w}
	w.jobs, w.runs = newModelJobs(w), newModelRuns(w)
	w.invariants = newInvariants(w)
	w.server.changed = w.changed
	w.faults = pick(w, faults{}, faults{rate: 0.02, kills: 0.002}, faults{rate: 0.1, kills: 0.01}, faults{rate: 0.3, kills: 0.03})
	w.mishaps = pick(w, 0, 0.05, 0.2)
	w.lag = pick(w, 50*time.Millisecond, time.Second, 10*time.Second)
	w.furnish()
	return w
}

// furnish makes what is there before the daemon starts.
func (w *world) furnish() {
	w.create("admin", map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": buildNamespace}})
	builder := &api.Builder{Spec: api.BuilderSpec{Image: "registry.example/builder", RunImage: "registry.example/run", Default: true}}
	builder.Name = "test"
	builder.Status = api.BuilderStatus{
		Image: "registry.example/builder@" + digest("builder"), RunImage: "registry.example/run@" + digest("run"), PlatformAPI: "0.14",
		Conditions: []metav1.Condition{{Type: fluxmeta.ReadyCondition, Status: metav1.ConditionTrue, Reason: api.ReasonSucceeded}},
	}
	w.create("admin", encode(builder))
	for i := range 1 + w.random.IntN(4)/3 {
		tool := &modelTool{name: fmt.Sprintf("t%d", i)}
		w.tools = append(w.tools, tool)
		w.push(tool, w.newCommit(tool, w.someManifest(), w.someFate()))
		w.createTool(tool)
	}
}

func (w *world) create(manager string, content map[string]any) *stored {
	object, err := w.server.create(manager, content)
	if err != nil {
		panic(err)
	}
	return object
}

func (w *world) createTool(tool *modelTool) {
	made := &api.Tool{Spec: api.ToolSpec{
		Repository: "https://git.example/" + tool.name + ".git", Ref: "HEAD", Interval: metav1.Duration{Duration: time.Minute}, QuotaClass: "default",
		Hosts: pick(w, nil, []string{modelHost}),
	}}
	made.Name = tool.name
	content := encode(made)
	delete(content, "status")
	w.create("admin", content)
}

// changed tells everybody of a change on the server.
func (w *world) changed(before, after *stored) {
	w.invariants.changed(before, after)
	w.rollouts.changed(before, after)
	w.kubelet.changed(before, after)
	w.jobs.changed(before, after)
	w.garbage.changed(before, after)
	w.binder.changed(before, after)
	modelPlatform{w}.changed(before, after)
	if w.daemon == nil || w.daemon.dead {
		return
	}
	for _, i := range w.daemon.informers {
		i.changed(before, after)
	}
}

func (w *world) tool(name string) *modelTool {
	for _, tool := range w.tools {
		if tool.name == name {
			return tool
		}
	}
	panic("there is no tool " + name)
}

func (w *world) tracef(format string, args ...any) {
	w.trace.add(w.clock.now.Sub(w.began), format, args...)
}

// between is a random duration.
func (w *world) between(least, most time.Duration) time.Duration {
	return least + time.Duration(w.random.Int64N(int64(most-least)+1))
}

func (w *world) latency() time.Duration {
	if w.random.IntN(20) == 0 {
		return w.between(0, time.Second)
	}
	return w.between(0, 20*time.Millisecond)
}

func (w *world) watchDelay() time.Duration {
	if !w.calm && w.random.IntN(10) == 0 {
		return w.between(0, w.lag)
	}
	return w.between(0, 50*time.Millisecond)
}

// pick takes one of several.
func pick[T any](w *world, of ...T) T { return of[w.random.IntN(len(of))] }

// elapse lets time pass while the daemon waits for an answer. All but the daemon's own work goes on.
func (w *world) elapse(duration time.Duration) {
	if w.inside {
		return
	}
	until := w.clock.now.Add(duration)
	for w.happen(until) {
	}
	w.clock.now = until
}

// happen has the next thing happen that does until then.
func (w *world) happen(until time.Time) bool {
	event, ok := w.clock.next(until)
	if !ok {
		return false
	}
	if w.clock.count > maxEvents {
		w.failf("the world does not come to rest: %d events", w.clock.count)
	}
	w.inside = true
	event.happen()
	w.inside = false
	return true
}

// step has the daemon work, or else the next thing happen. It reports whether there was anything until then.
func (w *world) step(until time.Time) (progress bool) {
	defer func() {
		switch failure := recover().(type) {
		case nil:
		case killed:
			w.inside, w.busy, progress = false, false, true
		default:
			panic(failure)
		}
	}()
	if w.reconciles > maxReconciles {
		w.failf("no end of reconciling: %d times", w.reconciles)
	}
	return w.daemon != nil && !w.daemon.dead && w.daemon.work() || w.happen(until)
}

// advance lets time pass.
func (w *world) advance(duration time.Duration) {
	until := w.clock.now.Add(duration)
	for w.step(until) {
	}
	if until.After(w.clock.now) {
		w.clock.now = until
	}
}

// settle lets time pass until nothing happens any more.
func (w *world) settle() {
	version, since := w.server.version, w.clock.now
	for w.step(since.Add(quietAfter)) {
		if w.server.version != version {
			version, since = w.server.version, w.clock.now
		}
	}
	w.tracef("all is quiet")
}
