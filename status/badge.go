package status

import (
	"slices"

	apimeta "github.com/fluxcd/pkg/apis/meta"

	"github.com/toolforge/toolforged/api/runs"
	"github.com/toolforge/toolforged/api/v1alpha1"
)

// badge is the one word that a page shows for a verdict; it is also the name of its style.
type badge string

const (
	failing   badge = "failing"
	working   badge = "working"
	suspended badge = "suspended"
	ready     badge = "ready"
)

// badges in the order in which somebody should look at them.
var badges = []badge{failing, working, suspended, ready}

func urgency(b badge) int { return slices.Index(badges, b) }

func badgeOf(t ToolSummary) badge {
	switch {
	case t.Suspended:
		return suspended
	case t.Deleting:
		return working
	}
	return toneOf(apimeta.ReadyCondition, t.Ready)
}

// toneOf says how a condition's status is to be taken. Of Reconciling and Stalled, "True" is not the good one.
func toneOf(conditionType, status string) badge {
	good, bad := "True", "False"
	switch conditionType {
	case apimeta.StalledCondition:
		good, bad = bad, good
	case apimeta.ReconcilingCondition:
		good, bad = bad, ""
	}
	switch status {
	case good:
		return ready
	case bad:
		return failing
	}
	return working
}

// toneOfOutcome says how a deployment's outcome is to be taken.
func toneOfOutcome(outcome string) badge {
	switch v1alpha1.Outcome(outcome) {
	case v1alpha1.OutcomeSucceeded:
		return ready
	case v1alpha1.OutcomeFailed:
		return failing
	case v1alpha1.OutcomeSuperseded:
		return suspended
	}
	return working
}

// toneOfRun says how a run's outcome is to be taken.
func toneOfRun(outcome string) badge {
	switch runs.Outcome(outcome) {
	case runs.Succeeded:
		return ready
	case runs.Running:
		return working
	}
	return failing
}

// toneOfBuild says how a build's state is to be taken.
func toneOfBuild(state string) badge {
	switch state {
	case string(v1alpha1.BuildSucceeded):
		return ready
	case string(v1alpha1.BuildFailed), string(v1alpha1.BuildOutcomeLost):
		return failing
	case string(v1alpha1.BuildOutcomeCancelled), string(v1alpha1.BuildOutcomeSuperseded):
		return suspended
	}
	return working
}

// toneOfHost says how a git server's state is to be taken.
func toneOfHost(state string) badge {
	switch state {
	case "well":
		return ready
	case "down":
		return failing
	}
	return working
}
