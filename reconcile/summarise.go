package reconcile

import (
	"fmt"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// verdict is a step's result and the condition it becomes.
type verdict struct {
	condition string
	result
}

// verdicts are those of one walk, in the order of its steps.
type verdicts []verdict

// decisive is the result that the tool's Ready stands for: the first that keeps the newest revision from being up, or else
// the first that is wrong, or else the last.
func (v verdicts) decisive() result {
	decisive := v[len(v)-1].result
	for _, verdict := range v {
		if verdict.outcome > degraded {
			return verdict.result
		}
		if verdict.outcome == degraded && decisive.outcome == done {
			decisive = verdict.result
		}
	}
	return decisive
}

// failure is the first result that has to be tried again; nil when none has.
func (v verdicts) failure() *result {
	for i := range v {
		if v[i].outcome == failed {
			return &v[i].result
		}
	}
	return nil
}

// after is when the tool should be looked at again, were there no event before; 0 for never.
func (v verdicts) after(first time.Duration) time.Duration {
	for _, verdict := range v {
		first = soonest(first, verdict.after)
	}
	return first
}

// summarise writes the conditions: one for each step that was reached, and what they come to. Reconciling and Stalled
// exclude each other; one that stays true is not deleted in between, or each walk would give it another time and write it.
func summarise(tool *api.Tool, all verdicts) {
	for _, v := range all {
		mark(tool, v)
	}
	decisive := all.decisive()
	message := decisive.message + stillServing(tool, decisive)
	switch decisive.outcome {
	case done:
		conditions.Delete(tool, meta.ReconcilingCondition)
		conditions.Delete(tool, meta.StalledCondition)
		conditions.MarkTrue(tool, meta.ReadyCondition, api.ReasonSucceeded, "%s", message)
	case waiting:
		conditions.MarkReconciling(tool, decisive.reason, "%s", message)
		conditions.MarkUnknown(tool, meta.ReadyCondition, decisive.reason, "%s", message)
	case stalled:
		conditions.MarkStalled(tool, decisive.reason, "%s", message)
		conditions.MarkFalse(tool, meta.ReadyCondition, decisive.reason, "%s", message)
	default:
		conditions.MarkReconciling(tool, decisive.reason, "%s", message)
		conditions.MarkFalse(tool, meta.ReadyCondition, decisive.reason, "%s", message)
	}
}

func mark(tool *api.Tool, v verdict) {
	switch v.outcome {
	case done:
		conditions.MarkTrue(tool, v.condition, v.reason, "%s", v.message)
	case waiting:
		conditions.MarkUnknown(tool, v.condition, v.reason, "%s", v.message)
	default:
		conditions.MarkFalse(tool, v.condition, v.reason, "%s", v.message)
	}
}

// stillServing tells the maintainer that what ran before still runs.
func stillServing(tool *api.Tool, r result) string {
	serving := tool.Status.Serving
	if r.outcome == done || serving == nil {
		return ""
	}
	return fmt.Sprintf("; commit %.7s keeps serving", serving.Commit)
}

// suspend says that nothing is done, and leaves what is known as it is.
func suspend(tool *api.Tool) {
	const message = "suspended by an administrator: nothing is polled, built or changed"
	tool.Status.ObservedGeneration = tool.Generation
	conditions.Delete(tool, meta.ReconcilingCondition)
	conditions.Delete(tool, meta.StalledCondition)
	conditions.MarkUnknown(tool, meta.ReadyCondition, api.ReasonSuspended, message)
}

// readyEvent is the event of event that a Ready condition deserves.
func readyEvent(tool *api.Tool) (eventType, reason, message string) {
	ready := conditions.Get(tool, meta.ReadyCondition)
	if ready == nil {
		return "", "", ""
	}
	eventType = corev1.EventTypeNormal
	if conditions.IsFalse(tool, meta.ReadyCondition) {
		eventType = corev1.EventTypeWarning
	}
	return eventType, ready.Reason, ready.Message
}
