package build

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// killing is a cluster whose daemon is killed at one of its requests.
type killing struct {
	*cluster
	scene  scene
	clock  time.Time
	builds *Builds
	// at counts the requests until the kill; after tells that the request has its effect before.
	at    int
	after bool
	// requests are those that were sent until the end, or the kill.
	requests []string
	dead     bool
	// rounds that each attempt has run.
	ages map[*modelAttempt]int
}

type killedHere struct{}

// scene is one story of a build. What happens in it depends on rounds of time alone.
type scene struct {
	name   string
	config func(*Config)
	// world is what others do at a round.
	world func(k *killing, round int)
	// ends says how an attempt ends; nil: it succeeds. False: it is gone without a word.
	ends func(a *modelAttempt) (Observation, bool)
	// request is what is asked for at a round.
	request func(round int) Request
	// takes is how many rounds an attempt runs, 0 for 3.
	takes int
	state api.BuildState
	// images are how many are made, history what became of older builds.
	images  int
	history []api.BuildOutcome
}

var wellDone = Observation{State: api.BuildSucceeded, Phase: PhaseExport}

func scenes() []scene {
	older := testRequest()
	newer := older.with(func(in *Inputs) { in.Tree = "ffff" })
	same := func(int) Request { return older }
	first := func(failure Observation, told bool) func(*modelAttempt) (Observation, bool) {
		return func(a *modelAttempt) (Observation, bool) {
			if a.Number == 1 {
				return failure, told
			}
			return wellDone, true
		}
	}
	pushed := func(round int) Request {
		if round < 2 {
			return older
		}
		return newer
	}
	return []scene{
		{name: "succeeds", request: same, state: api.BuildSucceeded, images: 1},
		{name: "the image is known", request: same, state: api.BuildSucceeded, world: func(k *killing, _ int) {
			k.images[k.builds.Config.tag(older)] = true
		}},
		{name: "fails", request: same, state: api.BuildFailed, ends: func(*modelAttempt) (Observation, bool) {
			return Observation{State: api.BuildFailed, Phase: PhaseBuild, Message: "exit code 51"}, true
		}},
		{name: "the first attempt is lost", request: same, state: api.BuildSucceeded, images: 1, ends: first(Observation{}, false)},
		{name: "the platform fails", request: same, state: api.BuildSucceeded, images: 1,
			ends: first(Observation{State: api.BuildFailed, Phase: PhaseExport, Message: "exit code 62", Again: true}, true)},
		{name: "the registry is down", request: same, state: api.BuildSucceeded, images: 1, world: func(k *killing, round int) {
			if k.down = nil; round < 2 || round > 4 && round < 8 {
				k.down = errors.New("500 Internal Server Error")
			}
		}},
		{name: "waits in the queue", request: same, state: api.BuildSucceeded, images: 1,
			config: func(c *Config) { c.Concurrency = 1 }, world: otherRuns},
		{name: "a newer commit comes", request: pushed, state: api.BuildSucceeded, images: 2, history: []api.BuildOutcome{api.BuildOutcomeSucceeded}},
		{name: "a newer commit comes, and the older build is ended", request: pushed, state: api.BuildSucceeded, images: 1,
			takes: 6, config: func(c *Config) { c.CancelSuperseded = true }, history: []api.BuildOutcome{api.BuildOutcomeCancelled}},
	}
}

// otherRuns has another tool's build run for some rounds.
func otherRuns(k *killing, round int) {
	switch round {
	case 0:
		k.attempts = append(k.attempts, &modelAttempt{tool: "other", name: "main", Attempt: Attempt{Object: "other", Key: "k", Number: 1}})
	case 5:
		k.erase(k.attempts[0])
	}
}

// play takes a scene to its end; the request at is where the daemon is killed, 0 for none. It returns the requests until then.
func play(t *testing.T, s scene, at int, after bool) []string {
	t.Helper()
	k := &killing{scene: s, clock: began, at: at, after: after, ages: make(map[*modelAttempt]int)}
	k.cluster = newCluster(t, func() time.Time { return k.clock })
	k.cluster.request = k.answer
	k.restart()
	quiet := 0
	for round := 0; quiet < 8; round++ {
		if round > 200 {
			t.Fatalf("no end: %+v", k.record("wiki").Status)
		}
		if s.world != nil {
			s.world(k, round)
		}
		k.age()
		if k.step(s.request(round)) {
			quiet = 0
		} else if quiet++; RetryAt(k.last(), k.clock) > 0 {
			quiet = 0
		}
		k.clock = k.clock.Add(10 * time.Second)
	}
	k.check()
	return k.requests
}

// restart is another daemon, which remembers nothing.
func (k *killing) restart() {
	config := testConfig()
	if k.scene.config != nil {
		k.scene.config(&config)
	}
	errands := NewErrands(1, nil)
	errands.Run = func(errand func()) { errand() }
	k.builds = k.daemon(config, errands)
}

func (k *killing) answer(what string, effect func() error) error {
	if k.dead {
		return effect()
	}
	k.requests = append(k.requests, what)
	here := len(k.requests) == k.at
	if here && !k.after {
		k.dead = true
		panic(killedHere{})
	}
	err := effect()
	if here {
		k.dead = true
		panic(killedHere{})
	}
	return err
}

// step has the daemon work; one that is killed is replaced.
func (k *killing) step(r Request) (changed bool) {
	defer func() {
		switch failure := recover(); failure {
		case nil:
		case killedHere{}:
			k.restart()
			changed = true
		default:
			panic(failure)
		}
	}()
	changed, err := k.cluster.step(k.builds, r)
	if err != nil {
		k.t.Fatal(err)
	}
	return changed
}

// age lets the attempts run.
func (k *killing) age() {
	for _, a := range append([]*modelAttempt(nil), k.attempts...) {
		if a.Object == "other" || a.Ended {
			continue
		}
		if k.ages[a]++; k.ages[a] < cmp.Or(k.scene.takes, 3) {
			continue
		}
		seen, told := wellDone, true
		if k.scene.ends != nil {
			seen, told = k.scene.ends(a)
		}
		if told {
			k.end(a, seen)
		} else {
			k.erase(a)
		}
	}
}

func (k *killing) last() api.Build {
	if builds := k.record("wiki").Status.Builds; len(builds) > 0 {
		return builds[0]
	}
	return api.Build{}
}

// check looks at what is there in the end.
func (k *killing) check() {
	k.t.Helper()
	if last := k.last(); last.State != k.scene.state {
		k.t.Errorf("the build is %s: %+v", last.State, last)
	}
	if len(k.attempts) > 0 {
		k.t.Errorf("%s is left", k.attempts[0].Object)
	}
	if len(k.pushes) != k.scene.images {
		k.t.Errorf("%d images were made, want %d: %v", len(k.pushes), k.scene.images, k.pushes)
	}
	var outcomes []api.BuildOutcome
	for _, past := range k.record("wiki").Status.BuildHistory {
		outcomes = append(outcomes, past.Outcome)
	}
	// A daemon that was killed before it wrote down that a build began may not know of it.
	unknown := k.at > 0 && len(outcomes) < len(k.scene.history)
	if diff := gocmp.Diff(k.scene.history, outcomes); diff != "" && !unknown {
		k.t.Errorf("history (-want +got):\n%s", diff)
	}
}

// TestKills kills the daemon before and after every request that a build sends. Which these are is in a golden file, so that
// none is missed.
func TestKills(t *testing.T) {
	var golden strings.Builder
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			requests := play(t, s, 0, false)
			fmt.Fprintf(&golden, "%s:\n\t%s\n", s.name, strings.Join(requests, "\n\t"))
			for at, request := range requests {
				for _, when := range []string{"before", "after"} {
					t.Run(fmt.Sprintf("%s %d, %s", when, at+1, request), func(t *testing.T) {
						if sent := play(t, s, at+1, when == "after"); len(sent) != at+1 || sent[at] != request {
							t.Errorf("it was killed at %v", sent)
						}
					})
				}
			}
		})
	}
	file := filepath.Join("testdata", "kills.golden")
	if *update {
		if err := os.WriteFile(file, []byte(golden.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (go test ./build -update writes it)", err)
	}
	if diff := gocmp.Diff(string(want), golden.String()); diff != "" {
		t.Errorf("the requests are not as in %s (-want +got):\n%s", file, diff)
	}
}
