package build

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// killing is a cluster whose daemon is killed at one of its requests.
type killing struct {
	*killPods
	scene  scene
	clock  time.Time
	builds *Builds
	// at counts the requests until the kill; after tells that the request has its effect before.
	at    int
	after bool
	// requests are those that were sent until the end, or the kill.
	requests []string
	dead     bool
}

type killedHere struct{}

// play takes a scene to its end; the request at is where the daemon is killed, 0 for none. It returns the requests until then.
func play(t *testing.T, s scene, at int, after bool) []string {
	t.Helper()
	k := &killing{scene: s, clock: began, at: at, after: after}
	k.killPods = newKillPods(newCluster(t, func() time.Time { return k.clock }))
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
	config.RegistrySecret = "registry"
	if k.scene.config != nil {
		k.scene.config(&config)
	}
	errands := NewErrands(1, nil)
	errands.Run = func(errand func()) { errand() }
	k.builds = k.daemon(config, errands)
	k.builds.Engine = &PodEngine{Config: config, Client: k.store, Live: livePods{k.killPods}}
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

// age lets the pods run.
func (k *killing) age() {
	for _, pod := range k.pods() {
		if pod.Labels[api.ToolLabel] == "other" || finished(&pod) {
			continue
		}
		if *pod.Spec.ActiveDeadlineSeconds == 1 {
			over := podIn(k.t, corev1.PodFailed, succeeded, exited(137, "Error"))
			over.Status.Reason = "DeadlineExceeded"
			k.end(&pod, over)
			continue
		}
		if k.ages[pod.Name]++; k.ages[pod.Name] < cmp.Or(k.scene.takes, 3) {
			continue
		}
		if k.scene.ends == nil {
			k.end(&pod, wellDonePod(k.t))
		} else {
			k.end(&pod, k.scene.ends(attemptOf(&pod).Number))
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
	if diff := gocmp.Diff([]string{"Secret registry", "Secret wiki-repository"}, k.objects()); diff != "" {
		k.t.Errorf("what is there (-want +got):\n%s", diff)
	}
	if want := min(k.scene.images, 1); len(k.caches) != want {
		k.t.Errorf("%d caches were kept, want %d: %v", len(k.caches), want, k.caches)
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

// TestKills kills the daemon before and after every request that a build sends: in the end there is one image and nothing else of it
// in the cluster, nor a second cache in the registry. Which the requests are is in a golden file, so that none is missed.
func TestKills(t *testing.T) {
	var golden strings.Builder
	for _, s := range scenes(t) {
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
