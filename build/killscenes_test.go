package build

import (
	"context"
	"errors"
	"testing"

	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// scene is one story of a build. What happens in it depends on rounds of time alone.
type scene struct {
	name   string
	config func(*Config)
	// world is what others do at a round.
	world func(k *killing, round int)
	// ends says how an attempt's pod ends, nil: gone without a word. Without it, all succeed.
	ends func(attempt int) *corev1.Pod
	// request is what is asked for at a round.
	request func(round int) Request
	// takes is how many rounds an attempt runs, 0 for 3.
	takes int
	state api.BuildState
	// images are how many are made, all with one cache, history what became of older builds.
	images  int
	history []api.BuildOutcome
}

func scenes(t *testing.T) []scene {
	older := killRequest()
	failed := func(states ...state) *corev1.Pod { return podIn(t, corev1.PodFailed, states...) }
	newer := older.with(func(in *Inputs) { in.Tree = "ffff" })
	same := func(int) Request { return older }
	first := func(failure *corev1.Pod) func(int) *corev1.Pod {
		return func(attempt int) *corev1.Pod {
			if attempt == 1 {
				return failure
			}
			return wellDonePod(t)
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
		{name: "fails", request: same, state: api.BuildFailed, ends: func(int) *corev1.Pod {
			return failed(succeeded, exited(51, "Error"))
		}},
		{name: "the first attempt is lost", request: same, state: api.BuildSucceeded, images: 1, ends: first(nil)},
		{name: "the platform fails", request: same, state: api.BuildSucceeded, images: 1,
			ends: first(failed(succeeded, succeeded, exited(62, "Error")))},
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

// killRequest is one with a Secret.
func killRequest() Request {
	r := testRequest()
	r.SecretName = "wiki-repository"
	return r
}

func wellDonePod(t *testing.T) *corev1.Pod {
	return podIn(t, corev1.PodSucceeded, succeeded, succeeded, succeeded)
}

// otherRuns has another tool's build run for some rounds.
func otherRuns(k *killing, round int) {
	r := killRequest()
	r.Tool = "other"
	switch round {
	case 0:
		k.others(func(ctx context.Context) error { return k.store.Create(ctx, Pod(testConfig(), r, 1)) })
	case 5:
		k.erase(podName(r, 1))
	}
}
