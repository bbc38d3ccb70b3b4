package retention

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// keysOf are the trees whose images are there, sorted.
func (w *world) trees() []int {
	var trees []int
	for tree := range 100 {
		if _, there := w.images()[(build.Inputs{Tree: fmt.Sprint(tree)}).Key()]; there {
			trees = append(trees, tree)
		}
	}
	return trees
}

// settle passes until all that is old enough has gone.
func (w *world) settle() {
	for range 3 {
		w.sweep()
		time.Sleep(policy.Age)
	}
	w.sweep()
}

// Of six versions the newest three stay; one that has gone is built again, one that is there is not.
func TestOldImagesGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for tree := range 6 {
			w.push(tree)
			time.Sleep(time.Hour)
		}
		w.sweep()
		if diff := cmp.Diff([]int{0, 1, 2, 3, 4, 5}, w.trees()); diff != "" {
			t.Fatalf("what was not marked before was removed: %s", diff)
		}
		w.settle()
		if diff := cmp.Diff([]int{3, 4, 5}, w.trees()); diff != "" {
			t.Errorf("images (-want +got):\n%s", diff)
		}
		w.push(3)
		if at := w.tool.Status.Builds[0].Attempts; at != 0 {
			t.Errorf("an image that is there was built again: attempt %d", at)
		}
		w.push(0)
		if at := w.tool.Status.Builds[0].Attempts; at != 2 {
			t.Errorf("an image that has gone: attempt %d, want 2", at)
		}
		w.settle()
		w.check()
		if report := w.sweeper.Report(); report.Removed[build.OfImages] != 3 || report.Failed != 0 || report.LastPass.IsZero() {
			t.Errorf("%+v", report)
		}
	})
}

// What a tool has left goes when it is gone for long enough, and stays when there is one of its name again.
func TestDeletedTool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.push(1)
		w.shelf.put("tool-wiki/main", "latest", hash("a stranger's"))
		w.shelf.put("tool-other/main", "latest", hash("a stranger's"))
		was := w.tool
		w.tool, w.shown = nil, nil
		w.sweep()
		time.Sleep(policy.Age / 2)
		w.sweep()
		w.tool, w.shown = was, was.DeepCopy()
		w.settle()
		if diff := cmp.Diff([]int{1}, w.trees()); diff != "" {
			t.Fatalf("the tool is there again: %s", diff)
		}
		w.tool, w.shown = nil, nil
		w.settle()
		left := []string{}
		for repository, tags := range w.shelf.tags {
			for tag := range tags {
				left = append(left, repository+":"+tag)
			}
		}
		slices.Sort(left)
		if diff := cmp.Diff([]string{"cache:shard-0", "tool-other/main:latest", "tool-wiki/main:latest"}, left); diff != "" {
			t.Errorf("what is left (-want +got):\n%s", diff)
		}
	})
}

// A registry that removes nothing is asked once in a pass, and said so once.
func TestRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for tree := range 6 {
			w.push(tree)
		}
		asked := 0
		w.shelf.request = func(what string) {
			if what == "before remove" {
				asked++
			}
		}
		w.shelf.err["remove"] = fmt.Errorf("%w: it answered 405", registry.ErrUnable)
		w.settle()
		if report := w.sweeper.Report(); !strings.Contains(report.Refused, "405") || report.Failed != 0 || asked > 3 {
			t.Errorf("asked %d times, %+v", asked, report)
		}
		w.shelf.err["remove"] = errors.New("the registry answered 502")
		w.settle()
		if report := w.sweeper.Report(); report.Failed != 1 || !strings.Contains(report.Trouble, "502") {
			t.Errorf("%+v", report)
		}
		delete(w.shelf.err, "remove")
		w.settle()
		if report := w.sweeper.Report(); report.Refused != "" || report.Trouble != "" {
			t.Errorf("%+v", report)
		}
		if diff := cmp.Diff([]int{3, 4, 5}, w.trees()); diff != "" {
			t.Errorf("images (-want +got):\n%s", diff)
		}
	})
}

// Where the registry lists no repositories, those of the records are looked at, and those of the ledger.
func TestUnlisted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for tree := range 6 {
			w.push(tree)
		}
		w.shelf.err["list"] = fmt.Errorf("%w: it answered 401", registry.ErrUnable)
		w.settle()
		if diff := cmp.Diff([]int{3, 4, 5}, w.trees()); diff != "" {
			t.Errorf("images (-want +got):\n%s", diff)
		}
		if report := w.sweeper.Report(); !strings.Contains(report.Unlisted, "401") {
			t.Errorf("%+v", report)
		}
		// The ledger has what is left of a tool that is gone, for a daemon that knows nothing of it.
		w.tool, w.shown = nil, nil
		w.start()
		w.settle()
		if diff := cmp.Diff([]int(nil), w.trees()); diff != "" {
			t.Errorf("of the tool that is gone (-want +got):\n%s", diff)
		}
		w.sweep()
		if left := w.shelf.artifacts[prefix+"/cache:shard-0"]; string(left.Data) != `{"tools":{}}` {
			t.Errorf("the ledger holds %s", left.Data)
		}
	})
}

// A tool of which nothing changes and nothing waits costs no request.
func TestQuietToolCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.push(1)
		w.shown = w.tool.DeepCopy()
		w.settle()
		requests := 0
		w.shelf.request = func(what string) {
			if !strings.HasSuffix(what, " list") && what != "before kept" && what != "after kept" {
				requests++ // beside those of the pass itself
			}
		}
		for range 10 {
			w.sweep()
		}
		if requests != 0 {
			t.Errorf("%d requests", requests)
		}
	})
}

// An image that somebody else has removed is built again.
func TestMissingImage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.push(1)
		clear(w.images())
		w.sweep()
		if w.missing != 1 {
			t.Fatalf("told of %d times", w.missing)
		}
		w.push(1)
		if b := w.tool.Status.Builds[0]; len(w.images()) != 1 || b.Attempts != 2 {
			t.Errorf("record %+v", b)
		}
		w.check()
	})
}

// The daemon is killed before or after each of its requests: what is needed stays, and in the end all else has gone.
func TestRetentionKills(t *testing.T) {
	for last, n := false, 0; !last; n++ {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for tree := range 5 {
				w.push(tree)
			}
			left := n
			w.shelf.request = func(string) {
				w.check()
				if left--; left == -1 {
					panic(killed{})
				}
			}
			w.settle()
			w.settle()
			last = left >= 0
			if diff := cmp.Diff([]int{2, 3, 4}, w.trees()); diff != "" {
				t.Errorf("killed in request %d (-want +got):\n%s", n, diff)
			}
		})
	}
}

// Pushes, reverts, deployments that fail, kills, a late cache, between any two requests: what is needed is there at every moment.
func TestRetentionRandomly(t *testing.T) {
	for seed := range uint64(150) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.random = rand.New(rand.NewPCG(seed, 2))
			chance := func(n int) bool { return w.random.IntN(n) == 0 }
			event := func() {
				if chance(3) {
					w.tree = w.random.IntN(8)
				}
				if chance(9) && w.tool.Status.Serving != nil {
					w.objects = []string{w.tool.Status.Serving.Images[0].Reference}
				}
				w.step(!chance(4))
			}
			within := false
			w.shelf.request = func(string) {
				w.check()
				if within {
					return
				}
				within = true
				defer func() { within = false }()
				if chance(2) {
					event()
				}
				if chance(30) {
					panic(killed{})
				}
			}
			for range 60 {
				w.sweep()
				time.Sleep(time.Duration(w.random.Int64N(int64(policy.Age))))
				event()
				w.check()
			}
			w.shelf.request = func(string) { w.check() }
			for range 8 { // until the record is that of the tree
				time.Sleep(time.Minute)
				w.step(true)
			}
			w.shown = w.tool.DeepCopy()
			w.settle()
			if n := len(maps.Collect(maps.All(w.images()))); n > 2*policy.Keep+2 {
				t.Errorf("seed %d: %d images are left", seed, n)
			}
		})
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
