package status_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
)

// queueHandler shows a tool that builds, one that waits behind another, and one with a past.
func queueHandler(t *testing.T) http.Handler {
	t.Helper()
	earlier, later := before(3*time.Minute), before(time.Minute)
	waits := func(key string, automatic bool) v1alpha1.Build {
		return v1alpha1.Build{Name: "main", Key: key, Commit: badCommit, State: v1alpha1.BuildWaiting, QueuedAt: &later, Automatic: automatic,
			Reason: "commit 1a2b3c4 changed src/ since 9f8e7d6", Message: "waits for its turn"}
	}
	running := tool("alpha")
	running.Status.Builds = []v1alpha1.Build{{Name: "main", Key: "aaaa", Commit: goodCommit, State: v1alpha1.BuildRunning, Attempts: 1,
		Phase: "build", StartedAt: &earlier, Phases: []v1alpha1.PhaseTime{{Name: "prepare", Milliseconds: 1234}}}}
	next := tool("beta")
	next.Status.Builds = []v1alpha1.Build{waits("bbbb", false)}
	behind := tool("gamma", condition("Ready", "Unknown", v1alpha1.ReasonBuildQueued, "the build waits for its turn"))
	behind.Status.Builds = []v1alpha1.Build{waits("cccc", true)}
	behind.Status.BuildHistory = []v1alpha1.PastBuild{
		{Name: "main", Key: "dddd", Commit: goodCommit, Outcome: v1alpha1.BuildOutcomeFailed, Attempts: 2, Phase: "build", Bound: "memory",
			Message: hostile, StartedAt: &earlier, FinishedAt: &later},
	}
	return status.New(options(t, reader(t, running, next, behind)))
}

func TestAllBuilds(t *testing.T) {
	var got status.AllBuilds
	w := get(queueHandler(t), "/api/v1/builds")
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if len(got.Running) != 1 || got.Running[0].Tool != "alpha" || len(got.Finished) != 1 || got.Finished[0].Bound != "memory" {
		t.Errorf("got %+v", got)
	}
	var waiting []string
	for i, build := range got.Waiting {
		waiting = append(waiting, build.Tool)
		if build.Position != i+1 {
			t.Errorf("%s has position %d", build.Tool, build.Position)
		}
	}
	if diff := cmp.Diff([]string{"beta", "gamma"}, waiting); diff != "" {
		t.Error(diff)
	}
}

func TestOneBuild(t *testing.T) {
	h := queueHandler(t)
	var got status.QueuedBuild
	if err := json.Unmarshal(get(h, "/api/v1/tools/gamma/builds/cccc").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"beta/main"}, got.Ahead); diff != "" || got.Position != 2 || !got.Automatic {
		t.Errorf("ahead (-want +got):\n%s%+v", diff, got)
	}
	for _, missing := range []string{"/api/v1/tools/gamma/builds/none", "/tools/gamma/builds/none", "/tools/none/builds", "/api/v1/tools/none/builds/cccc"} {
		if w := get(h, missing); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", missing, w.Code)
		}
	}
}

func TestBuildPages(t *testing.T) {
	h := queueHandler(t)
	for target, wanted := range map[string][]string{
		"/builds":                  {"alpha", "beta", "gamma", "changed src/", "Failed"},
		"/tools/alpha/builds":      {"prepare 1.2s", "aaaa"},
		"/tools/gamma/builds":      {"1 build is ahead in the queue", "dddd"},
		"/tools/gamma/builds/cccc": {"1 build is ahead in the queue: beta/main", "no maintainer asked for it"},
		"/tools/gamma/builds/dddd": {"Limit that was hit", "memory"},
		"/tools/gamma":             {"the build waits for its turn; 1 build is ahead in the queue"},
	} {
		w := get(h, target)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", target, w.Code)
		}
		for _, text := range wanted {
			if !strings.Contains(w.Body.String(), text) {
				t.Errorf("%s lacks %q", target, text)
			}
		}
		if strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("%s shows what is hostile as it is", target)
		}
	}
}
