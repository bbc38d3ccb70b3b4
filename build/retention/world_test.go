package retention

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
)

const prefix = "registry.example"

// world is one tool whose builds are the real ones, run by an engine that ends each at once.
type world struct {
	t     *testing.T
	shelf *shelf
	// tool is how the API server has it, shown how the cache does; nil once it is deleted.
	tool, shown *api.Tool
	tree        int
	builds      *build.Builds
	sweeper     *Sweeper
	attempts    []build.Attempt
	random      *rand.Rand
	// objects are what the tool's objects name.
	objects []string
	missing int
}

var policy = Policy{Keep: 3, Age: time.Hour, Interval: 10 * time.Second}

func newWorld(t *testing.T) *world {
	w := &world{t: t, shelf: newShelf(), random: rand.New(rand.NewPCG(1, 1))}
	w.tool = &api.Tool{}
	w.tool.Name, w.tool.ResourceVersion = "wiki", "0"
	w.start()
	return w
}

// start starts the daemon anew, with nothing remembered.
func (w *world) start() {
	claims := build.NewClaims(time.Now)
	errands := build.NewErrands(1, nil)
	errands.Run = func(errand func()) { errand() }
	w.builds = &build.Builds{Config: build.Config{Registry: prefix, Concurrency: 100}, Engine: w, Tools: w, Registry: w.shelf,
		Errands: errands, Logs: w, Claims: claims, Now: time.Now}
	w.sweeper = &Sweeper{
		Policy: policy, Prefix: prefix, Registry: func() (Registry, error) { return w.shelf, nil }, Shard: "shard-0", Owns: func(string) bool { return true },
		Tools: shownWorld{w}, Live: w, Objects: Objects{Live: w, Catalog: w}, Claims: claims,
		Missing: func(tool string) { w.missing++; w.builds.Doubt(tool) }, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		looks: map[string]look{},
	}
	if w.tool != nil {
		w.shown = w.tool.DeepCopy()
	}
}

// sweep passes once; it is true when the daemon was killed meanwhile, and has started anew.
func (w *world) sweep() (dead bool) {
	defer func() {
		switch failure := recover(); failure.(type) {
		case nil:
		case killed:
			dead = true
			w.start()
		default:
			panic(failure)
		}
	}()
	if err := w.sweeper.pass(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return false
}

func (w *world) request() build.Request {
	return build.Request{Tool: "wiki", Name: "main", Commit: fmt.Sprintf("%040d", w.tree), Inputs: build.Inputs{Tree: fmt.Sprint(w.tree)}}
}

// step goes on with the tool's build, and deploys its image.
func (w *world) step(comesUp bool) {
	if w.tool == nil {
		return
	}
	status := &w.tool.Status
	var last *api.Build
	if len(status.Builds) > 0 {
		last = &status.Builds[0]
	}
	record, history, err := w.builds.Step(w.t.Context(), w.request(), last, status.BuildHistory)
	if err != nil {
		w.t.Fatal(err)
	}
	status.Builds, status.BuildHistory = []api.Build{record}, history
	w.changed()
	if record.State != api.BuildSucceeded || status.Serving != nil && status.Serving.Images[0].Reference == record.Image {
		return
	}
	images := []api.Image{{Name: "main", Reference: record.Image}}
	past := api.PastDeployment{Images: images, Outcome: api.OutcomeFailed}
	if comesUp {
		past.Outcome = api.OutcomeSucceeded
		status.Serving = &api.Deployment{Images: images}
	}
	status.History = append([]api.PastDeployment{past}, status.History...)
	status.History = status.History[:min(len(status.History), 25)]
	w.changed()
}

// changed is a write of the status; the cache shows it at once, or later.
func (w *world) changed() {
	w.tool.ResourceVersion += "1"
	if len(w.tool.ResourceVersion) > 20 {
		w.tool.ResourceVersion = fmt.Sprint(w.random.Uint64())
	}
	if w.random.IntN(2) == 0 {
		w.shown = w.tool.DeepCopy()
	}
}

// push has the tool follow another tree, and built.
func (w *world) push(tree int) {
	w.tree = tree
	for range 3 {
		w.step(true)
	}
}

// images are the tags of images.
func (w *world) images() map[string]string { return w.shelf.tags["tool-wiki/main"] }

// check fails when something has gone that is needed: the test's own words for it.
func (w *world) check() {
	w.t.Helper()
	if w.tool == nil {
		return
	}
	status := w.tool.Status
	wanted := map[string]string{}
	want := func(why, reference string) {
		if _, digest, ok := strings.Cut(reference, "@"); ok {
			wanted[digest] = why
		}
	}
	if status.Serving != nil {
		want("it serves", status.Serving.Images[0].Reference)
	}
	for _, b := range status.Builds {
		want("it is the newest build", b.Image)
	}
	newest := map[string]bool{}
	for _, d := range status.History {
		if reference := d.Images[0].Reference; d.Outcome == api.OutcomeSucceeded && (newest[reference] || len(newest) < policy.Keep) {
			newest[reference] = true
			want("it may be gone back to", reference)
		}
	}
	for _, object := range w.objects {
		want("an object names it", object)
	}
	for digest, why := range wanted {
		if !w.shelf.holds("tool-wiki/main", digest) {
			w.t.Fatalf("image %s has gone: %s", digest, why)
		}
	}
}

// Get implements client.Reader: the API server.
func (w *world) Get(_ context.Context, key client.ObjectKey, object client.Object, _ ...client.GetOption) error {
	w.shelf.request("get tool")
	if w.tool == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "tools"}, key.Name)
	}
	w.tool.DeepCopyInto(object.(*api.Tool))
	return nil
}

// List implements client.Reader.
func (w *world) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	switch list := list.(type) {
	case *api.ToolList:
		if w.tool != nil {
			list.Items = []api.Tool{*w.tool.DeepCopy()}
		}
	case *unstructured.UnstructuredList:
		w.shelf.request("list objects")
		if list.GetKind() == "CronJobList" {
			for _, object := range w.objects {
				list.Items = append(list.Items, unstructured.Unstructured{Object: map[string]any{"spec": object}})
			}
		}
	}
	return nil
}

// shownWorld is the cache.
type shownWorld struct{ *world }

func (w shownWorld) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if w.shown != nil {
		list.(*api.ToolList).Items = []api.Tool{*w.shown.DeepCopy()}
	}
	return nil
}

// Attempts implements build.Engine, with the methods that follow.
func (w *world) Attempts(context.Context, string, string) ([]build.Attempt, error) {
	return w.attempts, nil
}

// Start has a build end at once: sometimes its image is another one than that of the same inputs before.
func (w *world) Start(_ context.Context, r build.Request, number int) error {
	key := r.Inputs.Key()
	w.shelf.put("tool-wiki/main", key, hash(key+fmt.Sprint(w.random.IntN(2))))
	w.shelf.put("cache/tool-wiki/main", "default", hash("cache"+key))
	w.shelf.put("cache/tool-wiki/main/logs", fmt.Sprintf("%s-%d", key, number), hash(fmt.Sprint("log", key, number)))
	w.attempts = append(w.attempts, build.Attempt{Key: key, Number: number, StartedAt: time.Now(), Ended: true,
		Object: key, Pod: key, Observation: build.Observation{State: api.BuildSucceeded}})
	return nil
}

func (w *world) Running(context.Context) ([]queue.Build, error) { return nil, nil }

func (w *world) Exists(context.Context, build.Request, int) (bool, error) { return false, nil }

func (w *world) Advance(context.Context, build.Attempt) error { return nil }

func (w *world) Cancel(ctx context.Context, a build.Attempt, _ string) error { return w.Remove(ctx, a) }

func (w *world) Remove(_ context.Context, a build.Attempt) error {
	for i := range w.attempts {
		if w.attempts[i].Key == a.Key && w.attempts[i].Number == a.Number {
			w.attempts = append(w.attempts[:i:i], w.attempts[i+1:]...)
			break
		}
	}
	return nil
}

// Keep implements build.OfLogs.
func (w *world) Keep(string, string, build.Attempt) build.KeptLog {
	return build.KeptLog{Read: true, End: "the end", Done: true}
}
