package build

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// older writes down what became of the attempts of older inputs, and ends those that run, when the administrator says so.
func (s *step) older(ctx context.Context) error {
	now := metav1.NewTime(s.Now()).Rfc3339Copy()
	why := fmt.Sprintf("ended for commit %.7s", s.record.Commit)
	cancelled := make(map[string]bool)
	for _, attempt := range s.attempts {
		if attempt.Key == s.record.Key || attempt.Ended || !s.Config.CancelSuperseded {
			continue
		}
		cancelled[attempt.Key] = true
		if attempt.Cancelled || attempt.Removed {
			continue
		}
		if err := s.Engine.Cancel(ctx, attempt, why); err != nil {
			return err
		}
	}
	for i := range s.history {
		p := &s.history[i]
		if p.Name != s.request.Name || p.Outcome != api.BuildOutcomeRunning {
			continue
		}
		attempt := s.attempt(p.Key, p.Attempts)
		switch {
		case cancelled[p.Key], attempt != nil && attempt.Cancelled, s.Config.CancelSuperseded && attempt == nil && s.late(p):
			p.Outcome, p.FinishedAt, p.Message = api.BuildOutcomeCancelled, &now, why
		case attempt != nil && attempt.Ended, attempt == nil && s.late(p):
			conclude(p, attempt, now)
		}
	}
	return nil
}

// late tells that the cache would show an attempt, if it were there.
func (s *step) late(p *api.PastBuild) bool {
	return p.StartedAt == nil || s.Now().Sub(p.StartedAt.Time) > lostAfter
}

func (s *step) attempt(key string, number int) *Attempt {
	for i := range s.attempts {
		if s.attempts[i].Key == key && s.attempts[i].Number == number {
			return &s.attempts[i]
		}
	}
	return nil
}

// clear removes the attempts that nobody will look at again: those that have ended, whose result is written down, and whose log
// is kept.
func (s *step) clear(ctx context.Context) error {
	s.logged()
	for _, attempt := range s.attempts {
		if !attempt.Ended || attempt.Removed || !s.settled(attempt) {
			continue
		}
		s.release(s.request.Tool, s.request.Name, attempt.Key)
		if !s.Logs.Keep(s.request.Tool, s.request.Name, attempt).Done {
			continue // it wakes the tool
		}
		if s.last != nil && attempt.Key == s.record.Key && attempt.Number == s.last.Attempts && s.last.Log == "" {
			continue // the end of its log is not written down yet
		}
		if err := s.Engine.Remove(ctx, attempt); err != nil {
			return err
		}
	}
	return nil
}

// settled tells whether what was read has the result of an attempt that has ended, or will never have it.
func (s *step) settled(attempt Attempt) bool {
	last := s.last
	if last == nil || attempt.Key != last.Key {
		return attempt.Key != s.record.Key && running(s.pasts, s.request.Name, attempt.Key) < 0
	}
	switch last.State {
	case api.BuildSucceeded, api.BuildFailed:
		return true
	case api.BuildWaiting:
		return attempt.Number <= last.Attempts
	default:
		return attempt.Number < last.Attempts
	}
}

// Rest returns the record of a build that cannot be brought forward now, since the tool's newest commit does not come so far, and
// the tool's history: it is in the queue only for as long as it runs. Step goes on with it.
func (b *Builds) Rest(ctx context.Context, tool string, last api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error) {
	s := &step{Builds: b, request: Request{Tool: tool, Name: last.Name}, last: &last, pasts: history,
		record: *last.DeepCopy(), history: slices.Clone(history)}
	if s.record.State == api.BuildWaiting {
		s.record.QueuedAt = nil
	}
	var err error
	if s.attempts, err = b.Engine.Attempts(ctx, tool, last.Name); err != nil {
		return last, history, err
	}
	if err := s.clear(ctx); err != nil {
		return last, history, err
	}
	if err := s.older(ctx); err != nil {
		return last, history, err
	}
	if last.State != api.BuildRunning {
		return s.record, s.history, nil
	}
	attempt := s.current()
	if attempt == nil && last.StartedAt != nil && b.Now().Sub(last.StartedAt.Time) < lostAfter || attempt != nil && !attempt.Ended {
		return s.record, s.history, nil
	}
	untroubled(&s.record)
	s.record.State, s.record.QueuedAt = api.BuildWaiting, nil
	if attempt != nil {
		s.record.Attempts-- // Step finds what became of it
	}
	return s.record, s.history, nil
}

// notAsked is why Leave ends a build.
const notAsked = "toolforge.yaml does not ask for it any more"

// Leave ends a build that is not asked for any more, given its last record and the tool's history, and returns the history.
// Gone tells that nothing is left of it but the record. Call it again until then.
func (b *Builds) Leave(ctx context.Context, tool string, last api.Build, history []api.PastBuild) (gone bool, now []api.PastBuild, err error) {
	b.Errands.drop(place{tool, last.Name})
	attempts, err := b.Engine.Attempts(ctx, tool, last.Name)
	if err != nil {
		return false, history, err
	}
	for _, attempt := range attempts {
		switch {
		case attempt.Removed, !attempt.Ended && attempt.Cancelled, attempt.Ended && !b.Logs.Keep(tool, last.Name, attempt).Done:
			continue
		case attempt.Ended:
			err = b.Engine.Remove(ctx, attempt)
		default:
			err = b.Engine.Cancel(ctx, attempt, notAsked)
		}
		if err != nil {
			return false, history, err
		}
	}
	young := last.State == api.BuildRunning && last.StartedAt != nil && b.Now().Sub(last.StartedAt.Time) < lostAfter
	if len(attempts) > 0 || young {
		return false, history, nil // what is young, the cache may not show yet
	}
	at := metav1.NewTime(b.Now()).Rfc3339Copy()
	history = supersede(&api.Build{Name: last.Name}, &last, slices.Clone(history))
	for i := range history {
		if p := &history[i]; p.Name == last.Name && p.Outcome == api.BuildOutcomeRunning {
			p.Outcome, p.FinishedAt, p.Message = api.BuildOutcomeCancelled, &at, notAsked
		}
	}
	return true, history, nil
}

// Forget drops what is remembered of a tool.
func (b *Builds) Forget(tool string) {
	b.Errands.Forget(tool)
	b.doubts.forget(tool)
}

// logged puts the end of the log of the build's last attempt into its record, once that has ended and it is known.
func (s *step) logged() {
	record := &s.record
	attempt := s.attempt(record.Key, record.Attempts)
	if record.State == api.BuildRunning || attempt == nil || !attempt.Ended || attempt.Removed {
		return
	}
	log := s.Logs.Keep(s.request.Tool, s.request.Name, *attempt)
	if log.Read && (record.Log == "" || strings.HasPrefix(record.Log, unread) && !strings.HasPrefix(log.End, unread)) {
		record.Log = log.End
	}
}
