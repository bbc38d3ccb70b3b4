package build

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// rush is a platform to whose tools everybody pushes at once.
type rush struct {
	*cluster
	config Config

	mu    sync.Mutex
	heads map[string]int
	order []string
	// woken are the tools that the running daemon is to look at, wake tells it so.
	woken map[string]bool
	wake  chan struct{}
	// began is when the first build of each tool began, finished when its last one ended.
	began, finished map[string]time.Time
	built           map[string][]int
	// timers are when each tool is looked at again.
	timers map[string]*time.Timer
}

const (
	rushTools = 200
	hotTool   = "t000"
	hotPushes = 50
	buildTime = time.Minute
	rushSlots = 4
)

func newRush(t *testing.T) *rush {
	r := &rush{
		heads: make(map[string]int), woken: make(map[string]bool), wake: make(chan struct{}, 1),
		began: make(map[string]time.Time), finished: make(map[string]time.Time), built: make(map[string][]int),
		timers: make(map[string]*time.Timer),
	}
	r.config = testConfig()
	r.config.Concurrency, r.config.PerTool = rushSlots, 2
	r.cluster = newCluster(t, time.Now)
	r.started = r.run
	for i := range rushTools {
		r.order = append(r.order, fmt.Sprintf("t%03d", i))
	}
	return r
}

// request is what a tool's head asks for.
func (r *rush) asked(tool string) Request {
	request := testRequest()
	request.Tool = tool
	r.mu.Lock()
	defer r.mu.Unlock()
	request.Commit = fmt.Sprintf("%07d of %s", r.heads[tool], tool)
	request.Inputs.Tree = request.Commit
	return request
}

func (r *rush) push(tool string) {
	r.mu.Lock()
	r.heads[tool]++
	r.mu.Unlock()
	r.look(tool)
}

// look has the daemon look at a tool.
func (r *rush) look(tool string) {
	r.mu.Lock()
	r.woken[tool] = true
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// run is an attempt's life.
func (r *rush) run(a *modelAttempt) {
	r.mu.Lock()
	if _, again := r.began[a.tool]; !again {
		r.began[a.tool] = time.Now()
	}
	for n := 1; n <= r.heads[a.tool]; n++ {
		request := testRequest()
		request.Inputs.Tree = fmt.Sprintf("%07d of %s", n, a.tool)
		if request.Inputs.Key() == a.Key {
			r.built[a.tool] = append(r.built[a.tool], n)
		}
	}
	r.mu.Unlock()
	time.AfterFunc(buildTime, func() {
		r.end(a, Observation{State: api.BuildSucceeded, Phase: PhaseExport})
		r.mu.Lock()
		r.finished[a.tool] = time.Now()
		r.mu.Unlock()
		r.look(a.tool)
	})
}

// live runs a daemon until it is killed.
func (r *rush) live(dead <-chan struct{}) {
	builds := r.daemon(r.config, NewErrands(4, r.look))
	for _, tool := range r.order {
		r.look(tool) // it has heard of everything when it starts
	}
	for {
		select {
		case <-dead:
			return
		case <-r.wake:
		}
		for _, tool := range r.order {
			r.mu.Lock()
			woken := r.woken[tool]
			delete(r.woken, tool)
			known := r.heads[tool] > 0
			r.mu.Unlock()
			if woken && known {
				r.forward(builds, tool)
			}
		}
	}
}

// forward is one look at a tool, as the controller has it.
func (r *rush) forward(builds *Builds, tool string) {
	changed, err := r.step(builds, r.asked(tool))
	if err != nil {
		r.t.Error(err)
	}
	record := r.record(tool).Status.Builds[0]
	after := RetryAt(record, time.Now())
	if changed {
		after = time.Second
	}
	r.mu.Lock()
	if timer := r.timers[tool]; timer != nil {
		timer.Stop()
	}
	if after > 0 {
		r.timers[tool] = time.AfterFunc(after, func() { r.look(tool) })
	}
	r.mu.Unlock()
	if changed {
		for _, next := range r.queue().Turns(r.config.bounds()) {
			r.look(next.Tool)
		}
	}
}

func (r *rush) queue() queue.Queue {
	var list api.ToolList
	_ = modelTools{r.cluster}.List(r.t.Context(), &list)
	return queue.Of(list.Items, time.Now())
}

// TestManyPushes: 200 tools push at once, one of them 50 commits in a row, and the daemon is killed meanwhile. Of the one, only
// the first and the last commit are built, and nobody waits for more than his share.
func TestManyPushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRush(t)
		start := time.Now()
		dead := make(chan struct{})
		go r.live(dead)
		synctest.Wait()
		// The hot tool's first commit begins at once. Among 200 of the same moment it could wait, and be replaced by the next one.
		r.push(hotTool)
		synctest.Wait()
		for _, tool := range r.order {
			if tool != hotTool {
				r.push(tool)
			}
		}
		for range hotPushes - 1 {
			time.Sleep(time.Second)
			r.push(hotTool)
		}
		for range 5 {
			time.Sleep(7*buildTime + 20*time.Second)
			close(dead)
			time.Sleep(3 * time.Second)
			dead = make(chan struct{})
			go r.live(dead)
		}
		time.Sleep(rushTools * buildTime)
		close(dead)
		synctest.Wait()
		r.check(start)
	})
}

func (r *rush) check(start time.Time) {
	if r.most > rushSlots {
		r.t.Errorf("%d builds ran at the same time", r.most)
	}
	if got, want := fmt.Sprint(r.built[hotTool]), fmt.Sprint([]int{1, hotPushes}); got != want {
		r.t.Errorf("of the hot tool, the commits %s were built; want %s", got, want)
	}
	// All tools but the hot one have one build, so the last begins when as many as go before it have had their minute, and
	// with each build there is a moment between one and the next.
	share := (rushTools/rushSlots - 1) * (buildTime + 5*time.Second)
	latest := time.Duration(0)
	for _, tool := range r.order {
		if tool != hotTool && len(r.built[tool]) != 1 {
			r.t.Errorf("%s: the commits %v were built", tool, r.built[tool])
		}
		waited := r.began[tool].Sub(start)
		latest = max(latest, waited)
		if waited > share {
			r.t.Errorf("%s waited for %v, more than %v", tool, waited, share)
		}
		if record := r.record(tool).Status.Builds[0]; record.State != api.BuildSucceeded {
			r.t.Errorf("%s: the build is %s: %s", tool, record.State, record.Message)
		}
	}
	if first := r.finished[hotTool].Sub(start); first < latest {
		r.t.Errorf("the hot tool's last commit was built after %v, before others' first, after %v", first, latest)
	}
	if len(r.attempts) > 0 {
		r.t.Errorf("%s is left", r.attempts[0].Object)
	}
	if past := r.record(hotTool).Status.BuildHistory; len(past) != 1 || past[0].Outcome != api.BuildOutcomeSucceeded {
		r.t.Errorf("the hot tool's history: %+v", past)
	}
	if last := r.record(hotTool).Status.Builds[0]; last.Replaced != hotPushes-2 {
		r.t.Errorf("%d commits were replaced", last.Replaced)
	}
	r.t.Logf("the last first build began after %v, the hot tool's last ended after %v", latest, r.finished[hotTool].Sub(start))
}
