package reconcile

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	oneSeed   = flag.Uint64("seed", 0, "run the simulation of this seed alone; 0 runs many")
	manySeeds = flag.Int("seeds", 150, "how many simulations to run; a tenth with -short")
)

// maxFailures ends the simulations early: who has seen that many has enough to do.
const maxFailures = 3

// TestSimulation lives through many random histories of the whole loop with faults of all kinds. It has no network and no
// time: model_world_test.go says what there is instead.
func TestSimulation(t *testing.T) {
	if *oneSeed != 0 {
		w, failure := simulate(*oneSeed, broken{})
		t.Logf("seed %d:\n%s\n%+v", *oneSeed, w.trace.tail(), w.counts)
		if failure != "" {
			t.Fatal(failure)
		}
		return
	}
	seeds := *manySeeds
	if testing.Short() {
		seeds /= 10
	}
	// The worlds are small and many: collecting them later saves a third of the time.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	began, sum, failures := time.Now(), counts{}, 0
	var next atomic.Uint64
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for seed := next.Add(1); seed <= uint64(seeds); seed = next.Add(1) {
				w, failure := simulate(seed, broken{})
				mu.Lock()
				sum.add(w.counts)
				if failure != "" {
					failures++
					t.Error(report(w, failure))
				}
				enough := failures >= maxFailures
				mu.Unlock()
				if enough {
					return
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d seeds in %v: %+v", seeds, time.Since(began).Round(time.Second), sum)
}

func (c *counts) add(other counts) {
	c.events += other.events
	c.calls += other.calls
	c.writes += other.writes
	c.reconciles += other.reconciles
	c.faulted += other.faulted
	c.starts += other.starts
}

func report(w *world, failure string) string {
	return fmt.Sprintf("seed %d: %s\n\n%s\n\nseed %d: %s\nIt alone: go test ./reconcile -run '^TestSimulation$' -seed=%d",
		w.seed, failure, w.trace.tail(), w.seed, failure, w.seed)
}

// TestSimulationIsDeterministic: a seed that failed must fail again.
func TestSimulationIsDeterministic(t *testing.T) {
	for seed := range uint64(8) {
		first, _ := simulate(seed+1, broken{})
		second, _ := simulate(seed+1, broken{})
		if first.trace.hash != second.trace.hash {
			t.Errorf("seed %d: two histories; the ends of them:\n%s\n\n%s", seed+1, first.trace.tail(), second.trace.tail())
		}
	}
}

// simulate runs one history: a wild part, then calm, then a good push and a bad one. It returns what broke, or nothing.
func simulate(seed uint64, b broken) (w *world, failure string) {
	w = newWorld(seed, b)
	defer func() {
		switch panicked := recover().(type) {
		case nil:
		case violation:
			failure = panicked.message
		default:
			w.tracef("panic: %v", panicked)
			panic(fmt.Sprintf("seed %d: %v\n%s", seed, panicked, w.trace.tail()))
		}
	}()
	w.live()
	w.calmDown()
	w.settle()
	w.checkAll()
	w.pushAll(func() (modelManifest, fate) { return pick(w, modelManifests[:7]...), pick(w, comesUp, comesUpLate) })
	w.checkAll()
	w.checkIdle()
	w.goBack()
	w.checkAll()
	w.checkIdle()
	w.pushAll(func() (modelManifest, fate) {
		if w.random.IntN(2) == 0 {
			return pick(w, modelManifests[11:]...), comesUp
		}
		return pick(w, modelManifests[:7]...), pick(w, neverUp, neverBuilds)
	})
	w.checkAll()
	w.checkIdle()
	w.meddle()
	return w, ""
}

// goBack pushes an older tree to every tool, whose image has gone meanwhile if nothing needs it.
func (w *world) goBack() {
	for _, tool := range w.tools {
		w.removeImages(tool)
		w.push(tool, w.recommit(tool))
		w.events++
	}
	w.settle()
}

// meddle changes what runs by hand while the newest commit is bad.
func (w *world) meddle() {
	for _, tool := range w.tools {
		w.edit(tool)
		w.handDelete(tool)
		w.events += 2
	}
	w.settle()
	w.checkAll()
}

// pushAll pushes to every tool and lets it settle.
func (w *world) pushAll(what func() (modelManifest, fate)) {
	for _, tool := range w.tools {
		manifest, fate := what()
		w.push(tool, w.newCommit(tool, manifest, fate))
		w.events++
	}
	w.settle()
}
