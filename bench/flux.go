package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/fluxcd/pkg/ssa"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// atOnce is how many objects of one tool Flux's way looks at at the same time, as kustomize-controller has it by default
// (--concurrent-ssa). So it has that many times as many requests under way as there are workers.
const atOnce = 4

// flux applies as Flux's kustomize-controller does, and does nothing else that it does: it fetches nothing, renders nothing
// (all is rendered before the clock runs), waits for no health, prunes nothing and writes no status.
type flux struct {
	bench   *bench
	client  client.Client
	wire    wire
	manager *ssa.ResourceManager
}

// fluxTimes are what the same work takes Flux's way; 0 for what was not asked for.
type fluxTimes struct{ create, idle, change time.Duration }

// measureFlux measures Flux's way on an API server of its own.
func (b *bench) measureFlux(ctx context.Context) (times fluxTimes, err error) {
	if !b.out.wants(b.numbered("create_N_ratio"), "idle_pass_ratio", b.numbered("image_change_N_ratio")) {
		return fluxTimes{}, nil
	}
	b.out.say("Flux's way: starting an API server")
	server, err := startAPIServer(ctx, b.localcluster)
	if err != nil {
		return fluxTimes{}, err
	}
	defer joinEnd(&err, server.stop)
	f, err := newFlux(b, server.config)
	if err != nil {
		return fluxTimes{}, err
	}
	if err := f.warmUp(ctx); err != nil {
		return fluxTimes{}, err
	}
	return f.measure(ctx)
}

func newFlux(b *bench, config *rest.Config) (*flux, error) {
	f := &flux{bench: b}
	config = rest.CopyConfig(config)
	config.Wrap(f.wire.wrap)
	var err error
	if f.client, err = client.New(config, client.Options{}); err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	f.manager = ssa.NewResourceManager(f.client, nil, ssa.Owner{Field: "flux", Group: "bench.example"})
	f.manager.SetConcurrency(atOnce)
	return f, nil
}

func (f *flux) warmUp(ctx context.Context) error {
	tools, err := whole(warmFleet())
	if err != nil {
		return err
	}
	if _, err := f.apply(ctx, "Flux's way, warming up", tools, nil); err != nil {
		return err
	}
	_, err = f.apply(ctx, "Flux's way, warming up", made(tools), nil)
	return err
}

func (f *flux) measure(ctx context.Context) (times fluxTimes, err error) {
	fleet := f.bench.newFleet()
	tools, err := whole(fleet)
	if err != nil {
		return times, err
	}
	times.create, err = f.apply(ctx, "Flux's way, creating", tools, counts{ssa.CreatedAction: 4})
	if err != nil {
		return times, err
	}
	if f.bench.out.wants("idle_pass_ratio") {
		if times.idle, err = f.apply(ctx, "Flux's way, nothing changed", made(tools), counts{ssa.UnchangedAction: 4}); err != nil {
			return times, err
		}
	}
	if !f.bench.out.wants(f.bench.numbered("image_change_N_ratio")) {
		return times, nil
	}
	fleet.Manifest, fleet.Source = site, fleet.Source+1
	if tools, err = kept(fleet); err != nil {
		return times, err
	}
	times.change, err = f.apply(ctx, "Flux's way, image changed", tools, counts{ssa.ConfiguredAction: 1, ssa.UnchangedAction: 3})
	return times, err
}

// fluxTool are the objects of a tool: those that are only made first, and those that are applied Flux's way.
type fluxTool struct{ first, objects []*unstructured.Unstructured }

// counts are how many objects of a tool something was done to.
type counts map[ssa.Action]int

// apply applies the objects of all tools and tells how long that took. Want is what it is to do to those of each tool; nil
// for whatever.
func (f *flux) apply(ctx context.Context, what string, tools []fluxTool, want counts) (time.Duration, error) {
	var done atomic.Int64
	defer f.bench.out.progress(what, len(tools), func() int { return int(done.Load()) })()
	before, began := f.wire.counted(), time.Now()
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(f.bench.workers)
	for _, tool := range tools {
		work.Go(func() error {
			defer done.Add(1)
			return f.applyTool(ctx, tool, want)
		})
	}
	if err := work.Wait(); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	took := time.Since(began)
	f.bench.out.say("  %s: %.2f s", what, took.Seconds())
	f.bench.out.tell(what, f.wire.counted().since(before), len(tools))
	return took, nil
}

func (f *flux) applyTool(ctx context.Context, tool fluxTool, want counts) error {
	for _, object := range tool.first {
		if err := f.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner("flux")); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	changes, err := f.manager.ApplyAll(ctx, tool.objects, ssa.DefaultApplyOptions())
	if err != nil {
		return fmt.Errorf("apply all: %w", err)
	}
	got := make(counts)
	for _, change := range changes.Entries {
		got[change.Action]++
	}
	if want != nil && !maps.Equal(got, want) {
		return fmt.Errorf("apply all of namespace %s: it did %v, want %v", tool.objects[0].GetNamespace(), got, want)
	}
	return nil
}

// whole are the tools of a fleet whose namespaces are made first.
func whole(fleet Fleet) ([]fluxTool, error) {
	tools := make([]fluxTool, 0, fleet.Size)
	for _, name := range fleet.names() {
		prepared, declared, err := fleet.rendered(name)
		if err != nil {
			return nil, fmt.Errorf("render tool %s: %w", name, err)
		}
		tools = append(tools, fluxTool{prepared, declared})
	}
	return tools, nil
}

// made are the same tools when their namespaces are there.
func made(tools []fluxTool) []fluxTool {
	again := slices.Clone(tools)
	for i := range again {
		again[i].first = nil
	}
	return again
}

// kept are the same, when they are there already: toolforged looks after the namespace as after every other object, and so
// does Flux where it is among what it applies. So there are four objects, the Namespace first; what else a namespace is
// prepared with is left out, in Flux's favour.
func kept(fleet Fleet) ([]fluxTool, error) {
	tools, err := whole(fleet)
	for i := range tools {
		tools[i] = fluxTool{objects: append(tools[i].first[:1:1], tools[i].objects...)}
	}
	return tools, err
}
