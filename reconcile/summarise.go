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
	decisive := all.decisive()
	decisive.message += stillServing(tool, decisive)
	sumUp(tool, all, decisive)
}

// sumUp writes the conditions of whatever has gone through these steps, and the decisive one as Ready.
func sumUp(to conditions.Setter, all verdicts, decisive result) {
	for _, v := range all {
		mark(to, v)
	}
	switch decisive.outcome {
	case done:
		conditions.Delete(to, meta.ReconcilingCondition)
		conditions.Delete(to, meta.StalledCondition)
		conditions.MarkTrue(to, meta.ReadyCondition, api.ReasonSucceeded, "%s", decisive.message)
	case waiting:
		conditions.MarkReconciling(to, decisive.reason, "%s", decisive.message)
		conditions.MarkUnknown(to, meta.ReadyCondition, decisive.reason, "%s", decisive.message)
	case stalled:
		conditions.MarkStalled(to, decisive.reason, "%s", decisive.message)
		conditions.MarkFalse(to, meta.ReadyCondition, decisive.reason, "%s", decisive.message)
	default:
		conditions.MarkReconciling(to, decisive.reason, "%s", decisive.message)
		conditions.MarkFalse(to, meta.ReadyCondition, decisive.reason, "%s", decisive.message)
	}
}

func mark(to conditions.Setter, v verdict) {
	switch v.outcome {
	case done:
		conditions.MarkTrue(to, v.condition, v.reason, "%s", v.message)
	case waiting:
		conditions.MarkUnknown(to, v.condition, v.reason, "%s", v.message)
	default:
		conditions.MarkFalse(to, v.condition, v.reason, "%s", v.message)
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
func readyEvent(of conditions.Getter) (eventType, reason, message string) {
	ready := conditions.Get(of, meta.ReadyCondition)
	if ready == nil {
		return "", "", ""
	}
	eventType = corev1.EventTypeNormal
	if conditions.IsFalse(of, meta.ReadyCondition) {
		eventType = corev1.EventTypeWarning
	}
	return eventType, ready.Reason, ready.Message
}
