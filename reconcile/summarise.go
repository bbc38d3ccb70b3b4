package reconcile

import (
	"fmt"

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

// summarise writes the conditions: one for each step that was reached, and what they come to. It returns the result that
// decides when to come back: the last one, or the first that went wrong. Reconciling and Stalled exclude each other; one that
// stays true is not deleted in between, or each walk would give it another time and write it.
func summarise(tool *api.Tool, verdicts []verdict) result {
	decisive := verdicts[len(verdicts)-1].result
	for _, v := range verdicts {
		mark(tool, v)
		if v.outcome == degraded && decisive.outcome == done {
			decisive = v.result
		}
	}
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
	return decisive
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
func suspend(tool *api.Tool) result {
	const message = "suspended by an administrator: nothing is polled, built or changed"
	conditions.Delete(tool, meta.ReconcilingCondition)
	conditions.Delete(tool, meta.StalledCondition)
	conditions.MarkUnknown(tool, meta.ReadyCondition, api.ReasonSuspended, message)
	return result{outcome: waiting, reason: api.ReasonSuspended, message: message}
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
