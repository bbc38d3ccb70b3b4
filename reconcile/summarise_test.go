package reconcile

import (
	"errors"
	"testing"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func TestSummarise(t *testing.T) {
	down := result{outcome: degraded, reason: api.ReasonRepositoryFailed, message: "unreachable"}
	const serving = "; commit 1234567 keeps serving"
	for _, test := range []struct {
		name     string
		verdicts verdicts
		want     map[string]string
		outcome  outcome
	}{
		{"done", verdicts{{api.SourceReady, ok("a")}, {api.Healthy, ok("b")}}, map[string]string{
			api.SourceReady: "True Succeeded a", api.Healthy: "True Succeeded b", meta.ReadyCondition: "True Succeeded b",
		}, done},
		{"waiting", verdicts{{api.SourceReady, ok("a")}, {api.ImagesReady, wait(api.ReasonBuilding, "b", 0)}}, map[string]string{
			api.SourceReady: "True Succeeded a", api.ImagesReady: "Unknown Building b",
			meta.ReadyCondition: "Unknown Building b" + serving, meta.ReconcilingCondition: "True Building b" + serving,
		}, waiting},
		{"stalled", verdicts{{api.ManifestValid, stall(api.ReasonManifestInvalid, "a")}}, map[string]string{
			api.ManifestValid:   "False ManifestInvalid a",
			meta.ReadyCondition: "False ManifestInvalid a" + serving, meta.StalledCondition: "True ManifestInvalid a" + serving,
		}, stalled},
		{"failed", verdicts{{api.Applied, fail(api.ReasonApplyFailed, errors.New("a"))}}, map[string]string{
			api.Applied:         "False ApplyFailed a",
			meta.ReadyCondition: "False ApplyFailed a" + serving, meta.ReconcilingCondition: "True ApplyFailed a" + serving,
		}, failed},
		{"degraded", verdicts{{api.SourceReady, down}, {api.Healthy, ok("b")}}, map[string]string{
			api.SourceReady: "False RepositoryFailed unreachable", api.Healthy: "True Succeeded b",
			meta.ReadyCondition:       "False RepositoryFailed unreachable" + serving,
			meta.ReconcilingCondition: "True RepositoryFailed unreachable" + serving,
		}, degraded},
		{"stalled, and what served is up", verdicts{{api.ManifestValid, stall(api.ReasonManifestInvalid, "a")}, {api.Healthy, ok("b")}}, map[string]string{
			api.ManifestValid: "False ManifestInvalid a", api.Healthy: "True Succeeded b",
			meta.ReadyCondition: "False ManifestInvalid a" + serving, meta.StalledCondition: "True ManifestInvalid a" + serving,
		}, stalled},
		{"degraded and waiting", verdicts{{api.SourceReady, down}, {api.Healthy, wait(api.ReasonRollingOut, "b", 0)}}, map[string]string{
			api.SourceReady: "False RepositoryFailed unreachable", api.Healthy: "Unknown RollingOut b",
			meta.ReadyCondition:       "Unknown RollingOut b" + serving,
			meta.ReconcilingCondition: "True RollingOut b" + serving,
		}, waiting},
	} {
		t.Run(test.name, func(t *testing.T) {
			tool := &api.Tool{}
			tool.Status.Serving = &api.Deployment{Commit: "123456789"}
			// Whatever was before.
			summarise(tool, verdicts{{api.SourceReady, stall("Other", "x")}})
			summarise(tool, verdicts{{api.SourceReady, wait("Other", "x", 0)}})
			summarise(tool, test.verdicts)
			if got := test.verdicts.decisive(); got.outcome != test.outcome {
				t.Errorf("outcome %d, want %d", got.outcome, test.outcome)
			}
			if _, expected := test.want[api.SourceReady]; !expected {
				test.want[api.SourceReady] = "Unknown Other x" // not reached: as it was
			}
			got := make(map[string]string)
			for _, c := range tool.Status.Conditions {
				got[c.Type] = string(c.Status) + " " + c.Reason + " " + c.Message
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A condition that stays keeps its time: or each walk would be a write.
func TestSummariseAgain(t *testing.T) {
	for name, r := range map[string]result{
		"done": ok("a"), "waiting": wait("R", "a", 0), "stalled": stall("R", "a"), "failed": fail("R", errors.New("a")),
	} {
		tool := &api.Tool{}
		all := verdicts{{api.SourceReady, r}}
		summarise(tool, all)
		for i := range tool.Status.Conditions {
			tool.Status.Conditions[i].LastTransitionTime = metav1.NewTime(time.Unix(1, 0))
		}
		before := tool.DeepCopy()
		summarise(tool, all)
		if diff := cmp.Diff(before.Status, tool.Status); diff != "" {
			t.Errorf("%s: the same verdict again changes the status:\n%s", name, diff)
		}
	}
}
