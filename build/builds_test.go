package build

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

func (b *bench) wantPods(names ...string) {
	b.t.Helper()
	if names == nil {
		names = []string{}
	}
	if diff := cmp.Diff(names, b.names()); diff != "" {
		b.t.Errorf("pods (-want +got):\n%s", diff)
	}
}

func (b *bench) wantRecord(got api.Build, state api.BuildState, attempts int) {
	b.t.Helper()
	if got.State != state || got.Attempts != attempts {
		b.t.Errorf("the record is %s after %d attempts (%s); want %s after %d", got.State, got.Attempts, got.Message, state, attempts)
	}
}

func TestNewBuild(t *testing.T) {
	b, r := newBench(t), testRequest()
	record := b.step(r, nil)
	b.wantRecord(record, api.BuildRunning, 1)
	b.wantPods(podName(r, 1))
	if record.Reason != "first build" || record.Commit != r.Commit || record.Key != r.Inputs.Key() || record.StartedAt == nil {
		t.Errorf("record %+v", record)
	}
	again := b.step(r, &record)
	b.wantRecord(again, api.BuildRunning, 1)
	b.wantPods(podName(r, 1))
}

func TestKnownImage(t *testing.T) {
	b, r := newBench(t), testRequest()
	b.shelf.images[b.Config.tag(r)] = registry.Built{Reference: "image@sha256:1", Processes: []string{"web"}}
	record := b.step(r, nil)
	b.wantRecord(record, api.BuildSucceeded, 0)
	b.wantPods()
	if record.Image != "image@sha256:1" || len(record.Processes) != 1 {
		t.Errorf("record %+v", record)
	}
}

func TestRegistryFailed(t *testing.T) {
	b, r := newBench(t), testRequest()
	b.shelf.err = errors.New("the registry is down: GET https://name:password@registry.example/v2/: 500")
	var record *api.Build
	for _, wait := range []time.Duration{2, 4, 8, 16, 32, 64, 128, 256, 300, 300} {
		next := b.step(r, record)
		b.wantRecord(next, api.BuildWaiting, 0)
		record = &next
		if got := RetryAt(next, b.now); got != wait*time.Second {
			t.Errorf("it is tried again after %v, want %v", got, wait*time.Second)
		}
		if diff := cmp.Diff(next, b.step(r, record)); diff != "" {
			t.Errorf("looked at before its time, it changes: %s", diff)
		}
		b.now = b.now.Add(wait * time.Second)
	}
	if want := "the registry is down: GET https://***@registry.example/v2/: 500; since 12:00:00 UTC, tried again at 12:18:30 UTC"; record.Message != want {
		t.Errorf("message %q, want %q", record.Message, want)
	}
	b.wantPods()
	b.shelf.err = nil
	next := b.step(r, record)
	b.wantRecord(next, api.BuildRunning, 1)
	if next.TroubleSince != nil || next.Troubles != 0 || next.RetryAt != nil {
		t.Errorf("trouble is left: %+v", next)
	}
	b.wantPods(podName(r, 1))
}

// A registry that fails after the export: the build is not made again.
func TestRegistryFailedAfterExport(t *testing.T) {
	b, r := newBench(t), testRequest()
	record := b.step(r, nil)
	b.finish(podName(r, 1), podIn(t, corev1.PodSucceeded))
	b.shelf.err = errors.New("connection reset")
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 1)
	if record.TroubleSince == nil || record.Phase != PhaseExport || !strings.HasPrefix(record.Message, "connection reset; since ") {
		t.Errorf("record %+v", record)
	}
	b.now = b.now.Add(time.Minute)
	b.shelf.err = nil
	b.shelf.images[b.Config.tag(r)] = registry.Built{Reference: "image@sha256:1"}
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildSucceeded, 1)
	b.wantPods(podName(r, 1))
}

// The daemon was killed after it made a pod and before it wrote that down: the record is one of before.
func TestKilledAfterCreate(t *testing.T) {
	r := testRequest()
	older := api.Build{Name: "main", Key: "older", State: api.BuildSucceeded}
	for _, test := range []struct {
		name    string
		last    *api.Build
		attempt int
	}{
		{"no record", nil, 1},
		{"record of older inputs", &older, 1},
		{"record without an attempt", &api.Build{Key: r.Inputs.Key(), State: api.BuildWaiting}, 1},
		{"record of the attempt before", &api.Build{Key: r.Inputs.Key(), State: api.BuildWaiting, Attempts: 1}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, attemptPod(t, r, test.attempt))
			record := b.step(r, test.last)
			b.wantRecord(record, api.BuildRunning, test.attempt)
			b.wantPods(podName(r, test.attempt))
		})
	}
}

// The same, and the cache of the next daemon does not even show the pod yet.
func TestCacheBehind(t *testing.T) {
	r := testRequest()
	b := newBench(t, attemptPod(t, r, 1))
	b.pods.Client = behind{b.store}
	record := b.step(r, nil)
	b.wantRecord(record, api.BuildRunning, 1)
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 1)
	b.wantPods(podName(r, 1))
}

func TestLostPod(t *testing.T) {
	r := testRequest()
	b := newBench(t, attemptPod(t, r, 1))
	record := b.step(r, nil)
	b.wantRecord(record, api.BuildRunning, 1)

	b.pods.Client = behind{b.store} // gone, says the cache; the API server still has it
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 1)
	b.wantPods(podName(r, 1))

	if err := b.store.Delete(t.Context(), attemptPod(t, r, 1)); err != nil {
		t.Fatal(err)
	}
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 2)
	b.wantPods(podName(r, 2))
}

func TestSucceeded(t *testing.T) {
	b, r := newBench(t), testRequest()
	record := b.step(r, nil)
	b.finish(podName(r, 1), podIn(t, corev1.PodSucceeded, succeeded, succeeded,
		succeeded.saying(`{"phases":[{"name":"export","ms":7}],"notes":["the cache is not kept"]}`)))
	b.shelf.images[b.Config.tag(r)] = registry.Built{Reference: "image@sha256:1"}
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildSucceeded, 1)
	if record.Image != "image@sha256:1" || record.Log != "the log\n" || record.FinishedAt == nil ||
		record.Message != "the cache is not kept" || len(record.Phases) != 1 || record.Phases[0].Milliseconds != 7 {
		t.Errorf("record %+v", record)
	}
	b.wantPods(podName(r, 1)) // until the record is written
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildSucceeded, 1)
	b.wantPods()
}

// A pod that says it exported an image that the registry does not have: the registry lost it, another attempt makes it.
func TestSucceededWithoutImage(t *testing.T) {
	b, r := newBench(t), testRequest()
	record := b.step(r, nil)
	b.finish(podName(r, 1), podIn(t, corev1.PodSucceeded))
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildWaiting, 1)
	b.now = b.now.Add(time.Hour)
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 2)
}

func TestFailedByTheRepository(t *testing.T) {
	b, r := newBench(t), testRequest()
	record := b.step(r, nil)
	b.finish(podName(r, 1), podIn(t, corev1.PodFailed, succeeded, exited(51, "Error")))
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildFailed, 1)
	if record.Phase != PhaseBuild || record.Message != "exit code 51" || record.Log != "the log\n" {
		t.Errorf("record %+v", record)
	}
	b.now = b.now.Add(24 * time.Hour)
	other := r
	other.Commit = "another commit of the same tree"
	record = b.step(other, &record)
	b.wantRecord(record, api.BuildFailed, 1)
	b.wantPods()

	next := r.with(func(in *Inputs) { in.Tree = "ffff" })
	record = b.step(next, &record)
	b.wantRecord(record, api.BuildRunning, 1)
	if record.Reason != "commit 1a2b3c4 changed the source since 1a2b3c4" || record.Log != "" {
		t.Errorf("record %+v", record)
	}
}

func TestLogCannotBeRead(t *testing.T) {
	b, r := newBench(t), testRequest()
	b.Logs = sameLog("")
	record := b.step(r, nil)
	b.finish(podName(r, 1), podIn(t, corev1.PodFailed, succeeded, exited(20, "Error")))
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildFailed, 1)
	if record.Log != "(the log could not be read: no log)" {
		t.Errorf("log %q", record.Log)
	}
}

func TestFailedByThePlatform(t *testing.T) {
	b, r := newBench(t), testRequest()
	record := b.step(r, nil)
	delay := firstRetry
	for attempt := 1; attempt <= 12; attempt++ {
		b.finish(podName(r, attempt), podIn(t, corev1.PodFailed, exited(2, "Error")))
		record = b.step(r, &record)
		b.wantRecord(record, api.BuildWaiting, attempt)
		if RetryAt(record, b.now) == 0 {
			t.Error("nothing brings it back")
		}
		b.now = b.now.Add(delay - time.Second)
		record = b.step(r, &record)
		b.wantRecord(record, api.BuildWaiting, attempt)
		b.now = b.now.Add(time.Second)
		record = b.step(r, &record)
		b.wantRecord(record, api.BuildRunning, attempt+1)
		b.wantPods(podName(r, attempt+1))
		delay = min(2*delay, lastRetry)
	}
}

func TestOlderRevisionRuns(t *testing.T) {
	r := testRequest()
	b := newBench(t, attemptPod(t, r, 1))
	next := r.with(func(in *Inputs) { in.Tree = "ffff" })
	record := b.step(next, &api.Build{Key: r.Inputs.Key(), Source: r.Inputs.Tree, State: api.BuildRunning, Attempts: 1})
	b.wantRecord(record, api.BuildWaiting, 0)
	if record.Message != "waits until the build of an older commit has ended" {
		t.Errorf("it waits for %q", record.Message)
	}
	b.wantPods(podName(r, 1))
	b.finish(podName(r, 1), podIn(t, corev1.PodFailed, exited(1, "Error")))
	record = b.step(next, &record)
	b.wantRecord(record, api.BuildRunning, 1)
	b.wantPods(podName(next, 1))
}

func TestConcurrency(t *testing.T) {
	others := []*corev1.Pod{}
	for _, tool := range []string{"a", "b"} {
		other := testRequest()
		other.Tool = tool
		others = append(others, attemptPod(t, other, 1))
	}
	b, r := newBench(t, others...), testRequest()
	record := b.step(r, nil)
	b.wantRecord(record, api.BuildWaiting, 0)
	if want := "waits for its turn: at most 2 builds run at the same time, 2 of one tool"; record.Message != want {
		t.Errorf("message %q, want %q", record.Message, want)
	}
	if RetryAt(record, b.now) == 0 {
		t.Error("nothing brings it back")
	}
	b.finish(others[0].Name, podIn(t, corev1.PodSucceeded))
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 1)
}
