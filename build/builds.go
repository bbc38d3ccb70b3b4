package build

import (
	"context"
	"errors"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// Registry is what is asked of a registry.
type Registry interface {
	Built(ctx context.Context, reference string) (registry.Built, error)
}

// Logs reads the end of one container's log.
type Logs interface {
	Tail(ctx context.Context, namespace, pod, container string) (string, error)
}

// Builds has images built by an Engine. All its state is in that engine's objects, in the registry, and in the records it returns.
type Builds struct {
	Config   Config
	Engine   Engine
	Registry Registry
	Logs     Logs
	Now      func() time.Time
}

// Step brings one build forward as far as is possible now, without waiting, and returns its new record. Last is the record
// that it returned before for a build of this name, nil for none. A changed attempt is the time to call it again, or RetryAt.
//
// An error is the platform's: the API server's or the registry's. A failed build is a record.
func (b *Builds) Step(ctx context.Context, r Request, last *api.Build) (api.Build, error) {
	record := open(r, last)
	attempts, err := b.Engine.Attempts(ctx, r.Tool, r.Name)
	if err != nil {
		return record, err
	}
	if record.State == api.BuildSucceeded || record.State == api.BuildFailed {
		return record, b.clear(ctx, attempts)
	}
	if attempt := current(record, attempts); attempt != nil {
		started := metav1.NewTime(attempt.StartedAt)
		record.Attempts, record.StartedAt = attempt.Number, &started
		return b.follow(ctx, r, record, attempt)
	}
	return b.start(ctx, r, record, attempts)
}

// current finds the attempt whose result is not in the record yet, also one that was made just before the daemon was killed.
func current(record api.Build, attempts []Attempt) *Attempt {
	next := record.Attempts + 1
	if record.State == api.BuildRunning {
		next = record.Attempts
	}
	for i := range attempts {
		if attempts[i].Key == record.Key && attempts[i].Number >= next {
			return &attempts[i]
		}
	}
	return nil
}

// open is the record to go on with: the last one, or a new one when the inputs are new.
func open(r Request, last *api.Build) api.Build {
	if last != nil && last.Key == r.Inputs.Key() {
		return *last.DeepCopy()
	}
	return api.Build{
		Name:    r.Name,
		Key:     r.Inputs.Key(),
		Commit:  r.Commit,
		Source:  r.Inputs.Tree,
		Builder: r.Inputs.Builder,
		Reason:  r.Inputs.reason(last),
		State:   api.BuildWaiting,
	}
}

// start makes the next attempt, unless the image is there already or the build must wait.
func (b *Builds) start(ctx context.Context, r Request, record api.Build, attempts []Attempt) (api.Build, error) {
	reason, err := b.mustWait(ctx, record, attempts)
	if err != nil {
		return record, err
	}
	if reason != "" && record.State == api.BuildWaiting && record.Message != "" {
		// The registry was asked when it began to wait, and is asked again when the wait is over.
		record.Message = reason
		return record, nil
	}
	built, err := b.Registry.Built(ctx, b.Config.tag(r))
	if err == nil {
		return b.succeed(record, built), nil
	}
	if !errors.Is(err, registry.ErrNotFound) {
		return record, err
	}
	if record.State == api.BuildRunning {
		// Only an attempt that is really lost may be replaced.
		if exists, err := b.Engine.Exists(ctx, r, record.Attempts); err != nil || exists {
			return record, err
		}
	}
	if reason != "" {
		record.State, record.Message = api.BuildWaiting, reason
		return record, nil
	}
	attempt := record.Attempts + 1
	if err := b.Engine.Start(ctx, r, attempt); err != nil {
		return record, err
	}
	now := metav1.NewTime(b.Now()).Rfc3339Copy()
	record.State, record.Attempts, record.Phase = api.BuildRunning, attempt, PhaseSource
	record.StartedAt, record.FinishedAt, record.Message, record.Log = &now, nil, "", ""
	return record, b.clear(ctx, attempts)
}

// follow brings the record up to what the attempt says.
func (b *Builds) follow(ctx context.Context, r Request, record api.Build, attempt *Attempt) (api.Build, error) {
	switch attempt.State {
	case api.BuildSucceeded:
		built, err := b.Registry.Built(ctx, b.Config.tag(r))
		if errors.Is(err, registry.ErrNotFound) {
			lost := *attempt
			lost.Phase, lost.Message, lost.Again = PhaseExport, "the registry does not have the image that was exported", true
			return b.fail(ctx, record, &lost), nil
		}
		if err != nil {
			return record, err
		}
		record.Log = b.tail(ctx, attempt, PhaseBuild)
		return b.succeed(record, built), nil
	case api.BuildFailed:
		return b.fail(ctx, record, attempt), nil
	default:
		record.State, record.Phase, record.Message = attempt.State, attempt.Phase, attempt.Message
		return record, nil
	}
}

func (b *Builds) succeed(record api.Build, built registry.Built) api.Build {
	now := metav1.NewTime(b.Now()).Rfc3339Copy()
	record.State, record.Phase, record.Message, record.FinishedAt = api.BuildSucceeded, "", "", &now
	record.Image, record.Processes, record.Buildpacks = built.Reference, built.Processes, built.Buildpacks
	return record
}

// fail closes the record when the repository must change, and leaves it waiting for another attempt otherwise.
func (b *Builds) fail(ctx context.Context, record api.Build, attempt *Attempt) api.Build {
	now := metav1.NewTime(b.Now()).Rfc3339Copy()
	record.Phase, record.Message, record.FinishedAt = attempt.Phase, attempt.Message, &now
	record.Log = b.tail(ctx, attempt, attempt.Phase)
	record.State = api.BuildFailed
	if attempt.Again {
		record.State = api.BuildWaiting
	}
	return record
}

// clear removes the attempts that nobody will look at again. A running one of older inputs is left to finish.
func (b *Builds) clear(ctx context.Context, attempts []Attempt) error {
	for _, attempt := range attempts {
		if !attempt.Ended || attempt.Removed {
			continue
		}
		if err := b.Engine.Remove(ctx, attempt); err != nil {
			return err
		}
	}
	return nil
}
