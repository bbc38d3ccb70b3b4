package build

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// Registry is what is asked of a registry.
type Registry interface {
	Built(ctx context.Context, reference string) (registry.Built, error)
}

// Builds has images built by an Engine. All its state is in that engine's objects, in the registry, and in the records it
// returns. It is safe for concurrent use.
type Builds struct {
	Config Config
	Engine Engine
	// Tools lists the Tools of all daemons from a cache: their records are the queue.
	Tools    client.Reader
	Registry Registry
	// Errands ask the registry.
	Errands *Errands
	Logs    Logs
	// Claims keep what a build is about to use from being removed; nil where nothing is.
	Claims *Claims
	Now    func() time.Time

	turns  turns
	doubts doubts
}

// step is one Step.
type step struct {
	*Builds
	request Request
	// last is the record as it was read, pasts the history.
	last  *api.Build
	pasts []api.PastBuild
	// record and history are how they become.
	record   api.Build
	history  []api.PastBuild
	attempts []Attempt
}

// Step brings one build forward as far as is possible now, without waiting, and returns its new record and the tool's new
// history. Last is the record that it returned before for a build of this name, nil for none. A changed attempt is the time to
// call it again, an errand that is done, or RetryAt. Both must be written down before the next call.
//
// An error is the API server's. A failed build, or a registry that does not answer, is a record.
func (b *Builds) Step(ctx context.Context, r Request, last *api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error) {
	s := &step{Builds: b, request: r, last: last, pasts: history, record: open(r, last)}
	s.history = supersede(&s.record, last, slices.Clone(history))
	err := s.run(ctx)
	return s.record, s.history, err
}

func (s *step) run(ctx context.Context) (err error) {
	if s.attempts, err = s.Engine.Attempts(ctx, s.request.Tool, s.request.Name); err != nil {
		return err
	}
	if err := s.clear(ctx); err != nil {
		return err
	}
	// Those of older commits too, which newer ones wait for.
	for _, attempt := range s.attempts {
		if attempt.Ended {
			continue
		}
		if err := s.Engine.Advance(ctx, attempt); err != nil {
			return err
		}
	}
	if err := s.older(ctx); err != nil {
		return err
	}
	if s.last != nil && s.last.State == api.BuildSucceeded && s.last.Key == s.record.Key {
		s.Claims.drop(s.Config.tag(s.request))
	}
	if s.record.State == api.BuildFailed || s.record.State == api.BuildSucceeded && !s.still() {
		return nil
	}
	if attempt := s.current(); attempt != nil {
		started := metav1.NewTime(attempt.StartedAt)
		s.record.Attempts, s.record.StartedAt = attempt.Number, &started
		s.follow(attempt)
		return nil
	}
	return s.begin(ctx)
}

// current finds the attempt whose result is not in the record yet, also one that was made just before the daemon was killed.
func (s *step) current() *Attempt {
	next := s.record.Attempts + 1
	if s.record.State == api.BuildRunning {
		next = s.record.Attempts
	}
	for i := range s.attempts {
		if s.attempts[i].Key == s.record.Key && s.attempts[i].Number >= next {
			return &s.attempts[i]
		}
	}
	return nil
}

// follow brings the record up to what the attempt says.
func (s *step) follow(attempt *Attempt) {
	switch attempt.State {
	case api.BuildSucceeded:
		s.exported(attempt)
	case api.BuildFailed:
		s.fail(attempt)
	default:
		untroubled(&s.record)
		s.record.State, s.record.Phase, s.record.Message = attempt.State, attempt.Phase, attempt.Message
		s.record.Phases = attempt.Phases
	}
}

// exported looks for the image of an attempt that succeeded.
func (s *step) exported(attempt *Attempt) {
	s.record.State, s.record.Phase, s.record.Phases = api.BuildRunning, PhaseExport, attempt.Phases
	if mustWait(&s.record, s.Now()) {
		return
	}
	switch found := s.lookup("exported"); {
	case !found.done:
	case found.err != nil:
		s.Config.troubled(&s.record, found.err, s.Now())
	case found.missing:
		lost := *attempt
		lost.Phase, lost.Message, lost.Again = PhaseExport, "the registry does not have the image that was exported", true
		s.fail(&lost)
	default:
		s.record.Bound = attempt.Bound
		s.succeed(found.built)
		s.record.Message = strings.Join(attempt.Notes, "; ")
		s.logged() // nothing waits for it
	}
}

func (s *step) succeed(built registry.Built) {
	now := metav1.NewTime(s.Now()).Rfc3339Copy()
	untroubled(&s.record)
	s.record.State, s.record.Phase, s.record.Message, s.record.FinishedAt = api.BuildSucceeded, "", "", &now
	s.record.Image, s.record.Processes, s.record.Buildpacks = built.Reference, built.Processes, built.Buildpacks
}

// fail closes the record when the repository must change, and leaves it waiting for another attempt otherwise. A failure is
// told with the end of its log, which is soon read.
func (s *step) fail(attempt *Attempt) {
	log := s.Logs.Keep(s.request.Tool, s.request.Name, *attempt)
	if !log.Read {
		s.record.State, s.record.Phase, s.record.Phases = api.BuildRunning, attempt.Phase, attempt.Phases
		s.record.Message = "it has failed: its log is being read"
		return
	}
	now := metav1.NewTime(s.Now()).Rfc3339Copy()
	untroubled(&s.record)
	s.record.Phase, s.record.Message, s.record.FinishedAt = attempt.Phase, attempt.Message, &now
	s.record.Phases, s.record.Bound = attempt.Phases, attempt.Bound
	s.record.Log = log.End
	s.record.State = api.BuildFailed
	if attempt.Again {
		s.record.State = api.BuildWaiting
		retryAfter(&s.record, backoff(s.record.Attempts, firstRetry, s.Config.longest(lastRetry)), s.Now())
		s.record.Message += "; tried again at " + clock(s.record.RetryAt.Time)
	}
}

// asking is the message of a build that waits for the first answer.
const asking = "asking the registry whether the image is there already"

// begin makes the next attempt, unless the image is there already or the build must wait.
func (s *step) begin(ctx context.Context) error {
	record := &s.record
	if mustWait(record, s.Now()) {
		return nil
	}
	if record.State == api.BuildWaiting && record.Message != "" && record.Message != asking {
		// The registry was asked when it began to wait, and is asked again when the wait is over.
		why, its, err := s.turn(ctx, s.request, record, false)
		if err != nil {
			return err
		}
		if !its {
			s.Errands.drop(s.place())
			record.Message, record.RetryAt = why, nil
			return nil
		}
	}
	switch found := s.lookup("known"); {
	case !found.done:
		record.Message = cmp.Or(record.Message, asking)
		return nil
	case found.err != nil:
		s.Config.troubled(record, found.err, s.Now())
		return nil
	case !found.missing:
		s.succeed(found.built)
		return nil
	}
	if record.State == api.BuildRunning {
		// Only an attempt that is really lost may be replaced.
		if exists, err := s.Engine.Exists(ctx, s.request, record.Attempts); err != nil || exists {
			return err
		}
	}
	return s.start(ctx)
}

// start makes the next attempt, when it is the build's turn.
func (s *step) start(ctx context.Context) error {
	record, now := &s.record, metav1.NewTime(s.Now()).Rfc3339Copy()
	untroubled(record)
	if record.QueuedAt == nil {
		record.QueuedAt = &now
	}
	why, its, err := s.turn(ctx, s.request, record, true)
	if err != nil {
		return err
	}
	record.State, record.Message = api.BuildWaiting, why
	if !its {
		return nil
	}
	attempt := max(record.Attempts, attemptsAt(s.history, record.Name, record.Key)) + 1
	if err := s.Engine.Start(ctx, s.request, attempt); err != nil {
		s.release(s.request.Tool, record.Name, record.Key)
		return err
	}
	record.State, record.Attempts, record.Phase = api.BuildRunning, attempt, PhasePrepare
	record.StartedAt, record.FinishedAt, record.Message, record.Log = &now, nil, "", ""
	record.Phases, record.Bound = nil, ""
	return nil
}
