package status_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/fstest"
	"time"

	"github.com/go-logr/logr/testr"
	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
)

const (
	goodCommit = "9f8e7d6c5b4a39281706f5e4d3c2b1a098765432"
	badCommit  = "1a2b3c4d5e6f708192a3b4c5d6e7f80912345678"
	digest     = "sha256:4b825dc642cb6eb9a060e54bf8d69288fbee4904a1b2c3d4e5f60718293a4b5c"
	publicKey  = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj"
	hostile    = `</pre><script>alert(1)</script><img src=x onerror="alert(2)">`
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(-d)) }

func condition(kind string, state metav1.ConditionStatus, reason, message string) metav1.Condition {
	return metav1.Condition{Type: kind, Status: state, Reason: reason, Message: message, LastTransitionTime: before(3 * time.Minute)}
}

func tool(name string, conditions ...metav1.Condition) *v1alpha1.Tool {
	return &v1alpha1.Tool{
		ObjectMeta: metav1.ObjectMeta{Name: name, Generation: 1},
		Spec:       v1alpha1.ToolSpec{Repository: "https://forge.example/" + name + ".git", Ref: "HEAD", QuotaClass: "default"},
		Status:     v1alpha1.ToolStatus{ObservedGeneration: 1, Conditions: conditions},
	}
}

// servingTool is one with nothing wrong.
func servingTool() *v1alpha1.Tool {
	t := tool("alpha",
		condition("Healthy", metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "1 of 1 replicas up"),
		condition("Ready", metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "serving 9f8e7d6c5b4a"))
	t.Status.URL = "http://alpha.toolforge.example/"
	t.Status.PublicKey = publicKey
	t.Status.Seen = &v1alpha1.Revision{Commit: goodCommit, SeenAt: before(2 * time.Hour)}
	t.Status.Serving = &v1alpha1.Deployment{Commit: goodCommit, Since: before(time.Hour)}
	return t
}

// failingTool has everything that a status can have, some of it hostile.
func failingTool() *v1alpha1.Tool {
	t := tool("zeta",
		condition("Reconciling", metav1.ConditionTrue, "Progressing", "trying again"),
		condition(v1alpha1.Healthy, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "up"),
		condition(v1alpha1.ImagesReady, metav1.ConditionFalse, v1alpha1.ReasonBuildFailed, "build main: "+hostile),
		condition(v1alpha1.ManifestValid, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "valid"),
		condition(v1alpha1.SourceReady, metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "found"),
		condition("Ready", metav1.ConditionFalse, v1alpha1.ReasonBuildFailed, "build main failed: "+hostile))
	started, finished := before(5*time.Minute), before(3*time.Minute)
	t.Generation = 2
	t.Status.URL = "javascript:alert(3)"
	t.Status.Seen = &v1alpha1.Revision{Commit: badCommit, SeenAt: before(6 * time.Minute)}
	t.Status.Serving = &v1alpha1.Deployment{
		Commit: goodCommit,
		Images: []v1alpha1.Image{{Name: "main", Reference: "registry.example/zeta/main@" + digest}},
		Since:  before(49 * time.Hour),
	}
	t.Status.Problems = []v1alpha1.Problem{
		{Line: 3, Column: 5, Message: "unknown key `shedule`: did you mean `schedule`? " + hostile, Section: "jobs"},
		{Message: "the file is too large"},
	}
	t.Status.Conversion = &v1alpha1.Conversion{Format: "components", V1: "webservice: {}\n" + hostile,
		Notes: []v1alpha1.Problem{{Line: 7, Column: 3, Message: "`filelog` is left out " + hostile}}}
	t.Status.Builds = []v1alpha1.Build{{
		Name: "main", Key: "k1", Commit: badCommit, State: v1alpha1.BuildFailed, Attempts: 2, Phase: "build",
		Reason: "commit 1a2b changed `src/`", Message: hostile, Processes: []string{"web", hostile},
		Log:       "\x1b[31mnpm ERR!\x1b[0m missing script\r\n" + hostile + "\nlast \u202eline\x00",
		StartedAt: &started, FinishedAt: &finished,
	}}
	t.Status.Deploying = &v1alpha1.Deployment{Commit: badCommit, Since: before(2 * time.Minute)}
	t.Status.History = []v1alpha1.PastDeployment{
		{Commit: badCommit, Key: "k2", Cause: "commit 1a2b3c4, was 9f8e7d6 " + hostile, Outcome: v1alpha1.OutcomeFailed,
			Message: "the process ended with exit code 3 " + hostile, StartedAt: started, FinishedAt: &finished,
			PreDeploy: []v1alpha1.PreDeployRun{
				{Name: "migrate", Job: "migrate-1a2b3c4d", State: v1alpha1.PreDeployFailed, ExitCode: new(int32(3)), Message: "exit code 3 " + hostile,
					StartedAt: &started, FinishedAt: &finished},
				{Name: "seed", Job: "seed-1a2b3c4d", State: v1alpha1.PreDeployWaiting},
			}},
		{Commit: goodCommit, Key: "k1", Cause: "first deployment", Outcome: v1alpha1.OutcomeProgressing, StartedAt: before(50 * time.Hour),
			Images: []v1alpha1.Image{{Name: "main", Reference: "registry.example/zeta/main@" + digest}}},
	}
	t.Status.Healed = []v1alpha1.Healed{{APIVersion: "apps/v1", Kind: "Deployment", Name: "webservice",
		What: "changed: .spec.replicas by " + hostile, Times: 2, Since: before(time.Hour), At: before(time.Minute)}}
	t.Status.Jobs = []v1alpha1.ScheduledJob{{Name: "nightly", Schedule: "0 3 * * *", Since: before(time.Hour), Missed: []v1alpha1.MissedRuns{
		{First: before(40 * time.Minute), Last: before(30 * time.Minute), Runs: 3, Reason: v1alpha1.RunSkipped, Message: hostile},
	}}}
	t.Status.Inventory = []v1alpha1.Object{
		{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "tool-zeta", Name: "webservice", Hash: "h", Version: "7"},
		{APIVersion: "v1", Kind: "Namespace", Name: "tool-zeta", Hash: "h", Version: "9"},
	}
	return t
}

func builder() *v1alpha1.Builder {
	return &v1alpha1.Builder{
		ObjectMeta: metav1.ObjectMeta{Name: "bookworm", Generation: 1},
		Spec: v1alpha1.BuilderSpec{
			Image: "registry.example/builder:bookworm", RunImage: "registry.example/run:bookworm", Default: true,
			Languages:  []v1alpha1.Language{{Name: "python", Buildpacks: []string{"toolforge/python"}}},
			Before:     []string{"toolforge/apt"},
			Always:     []string{"toolforge/procfile"},
			Buildpacks: []v1alpha1.BuildpackImage{{Image: "registry.example/rust:1"}},
			Deprecated: &v1alpha1.Deprecation{Since: "2026-01-01", Until: "2026-12-31", UseInstead: "trixie", Message: hostile},
		},
		Status: v1alpha1.BuilderStatus{
			ObservedGeneration: 1, PlatformAPI: "0.15", Lifecycle: "0.21.0",
			Image: "registry.example/builder@" + digest, RunImage: "registry.example/run@" + digest,
			Buildpacks: []v1alpha1.Buildpack{{ID: "toolforge/python", Version: "0.1.0"}},
			Conditions: []metav1.Condition{condition("Ready", metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "resolved")},
		},
	}
}

// sample is a cluster with a tool of each kind, and a builder.
func sample() []client.Object {
	suspended := tool("beta", condition("Ready", metav1.ConditionFalse, v1alpha1.ReasonSuspended, "suspended"))
	suspended.Spec.Suspend = true
	building := tool("gamma", condition("Ready", metav1.ConditionUnknown, v1alpha1.ReasonBuilding, "building main"))
	return append(jobObjects(), servingTool(), suspended, building, tool("new"), failingTool(), builder())
}

func many(n int) []client.Object {
	objects := make([]client.Object, n)
	for i := range objects {
		objects[i] = tool(fmt.Sprintf("tool-%04d", i),
			condition("Ready", metav1.ConditionTrue, v1alpha1.ReasonSucceeded, "serving"))
	}
	return objects
}

func reader(t *testing.T, objects ...client.Object) client.Reader {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{v1alpha1.AddToScheme, clientgoscheme.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
}

func options(t *testing.T, from client.Reader) status.Options {
	t.Helper()
	metrics := prometheus.NewPedanticRegistry()
	metrics.MustRegister(status.NewCollector(from, "v1.2.3"), status.NewPollingCollector(reports{}), status.NewRetentionCollector(reports{}))
	return status.Options{
		Reader: from, Live: from, Logs: logs{}, Metrics: metrics, Now: func() time.Time { return now }, Version: "v1.2.3", Log: testr.New(t),
		Schema: []byte(`{"title": "toolforge.yaml"}`), Docs: pages, Validate: onlyGood,
		Polling: reports{}, Retention: reports{},
	}
}

// pages are some documentation.
var pages = fstest.MapFS{
	"toolforge-yaml.md": {Data: []byte("# toolforge.yaml\n\nRead [a start](start.md).\n\n## health_check\n\n| key | value |\n|--:|---|\n" +
		"| `path` | a path |\n\n## cpu and memory\n\n<script>alert(1)</script>\n")},
	"start.md": {Data: []byte("# A start\n\nSee [here](toolforge-yaml.md#health_check).\n")},
}

// onlyGood finds a problem in every file but two, of which one is in an older format.
func onlyGood(file []byte) ([]status.Problem, *status.Conversion) {
	switch string(file) {
	case "good":
		return nil, nil
	case "old":
		return nil, &status.Conversion{
			Format: "components", Notes: []status.Problem{{Line: 2, Column: 3, Message: "left out", Section: "older-formats"}}, V1: "webservice: {}\n",
		}
	}
	return []status.Problem{
		{Line: 4, Column: 5, Message: "unknown key `schedul`", Section: "scheduled-jobs"},
		{Line: 9, Column: 1, Message: "two\nlines \x1b[31m", Section: "<script>"},
	}, nil
}

func sampleHandler(t *testing.T) http.Handler {
	t.Helper()
	return status.New(options(t, reader(t, sample()...)))
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	return request(h, http.MethodGet, target)
}

func request(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func requestWith(h http.Handler, target, name, value string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set(name, value)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

var errReady = errors.New("the cache is not filled\x1b[2J")
