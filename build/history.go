package build

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// maxHistory is how many builds a tool's history has; maxPastMessage bounds what is kept of each message, in bytes.
const (
	maxHistory     = 20
	maxPastMessage = 300
)

// lostAfter is how long an attempt of older inputs may be missing in the cache before it counts as lost.
const lostAfter = time.Minute

// supersede puts the last record into the history, when another one takes its place and anything was begun for it. A build
// that still ran when it was superseded, and is asked for again, is taken out of the history: record goes on with it.
func supersede(record *api.Build, last *api.Build, history []api.PastBuild) []api.PastBuild {
	if last == nil || last.Key == record.Key {
		return history
	}
	if last.Attempts > 0 {
		history = slices.Insert(slices.Clone(history), 0, past(last))
		history = history[:min(len(history), maxHistory)]
	}
	at := running(history, record.Name, record.Key)
	if at < 0 {
		return history
	}
	again := history[at]
	record.State, record.Attempts, record.StartedAt = api.BuildRunning, again.Attempts, again.StartedAt
	record.Reason, record.Automatic, record.QueuedAt = again.Reason, again.Automatic, again.QueuedAt
	return slices.Delete(slices.Clone(history), at, at+1)
}

// running finds the entry of a build that still runs; -1 for none.
func running(history []api.PastBuild, name, key string) int {
	return slices.IndexFunc(history, func(p api.PastBuild) bool {
		return p.Name == name && p.Key == key && p.Outcome == api.BuildOutcomeRunning
	})
}

// attemptsAt is the number of the last attempt at a build of the past: another one at the same inputs, whose image has gone, must be
// told from it by its log.
func attemptsAt(history []api.PastBuild, name, key string) int {
	last := 0
	for _, p := range history {
		if p.Name == name && p.Key == key {
			last = max(last, p.Attempts)
		}
	}
	return last
}

// past is the entry for a record that is superseded now.
func past(record *api.Build) api.PastBuild {
	p := api.PastBuild{
		Name: record.Name, Key: record.Key, Commit: record.Commit, Builder: record.Builder,
		Reason: record.Reason, Automatic: record.Automatic, Attempts: record.Attempts,
		Phases: record.Phases, Bound: record.Bound, Message: oneLine(record.Message, maxPastMessage), Image: record.Image,
		QueuedAt: record.QueuedAt, StartedAt: record.StartedAt, FinishedAt: record.FinishedAt,
	}
	switch record.State {
	case api.BuildRunning:
		p.Outcome, p.FinishedAt, p.Message = api.BuildOutcomeRunning, nil, ""
	case api.BuildSucceeded:
		p.Outcome = api.BuildOutcomeSucceeded
	case api.BuildFailed:
		p.Outcome, p.Phase = api.BuildOutcomeFailed, record.Phase
	default:
		p.Outcome, p.Phase = api.BuildOutcomeSuperseded, record.Phase
	}
	return p
}

// conclude writes down what became of an attempt of older inputs.
func conclude(p *api.PastBuild, attempt *Attempt, now metav1.Time) {
	p.FinishedAt = &now
	if attempt == nil {
		p.Outcome, p.Message = api.BuildOutcomeLost, "the pod was lost"
		return
	}
	p.Phases, p.Bound = attempt.Phases, attempt.Bound
	switch {
	case attempt.State == api.BuildSucceeded:
		p.Outcome = api.BuildOutcomeSucceeded
		return
	case attempt.Again:
		p.Outcome = api.BuildOutcomeLost
	default:
		p.Outcome = api.BuildOutcomeFailed
	}
	p.Phase, p.Message = attempt.Phase, oneLine(attempt.Message, maxPastMessage)
}
