package build

import (
	"context"
	"time"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Engine runs attempts at builds: one object in the cluster for each, whose name follows from the request and the attempt's
// number, so that a daemon that was killed after it made one finds it again. It remembers nothing. Its errors are the platform's.
type Engine interface {
	// Attempts are all attempts at a tool's builds of one name that the cache shows, whatever their key.
	Attempts(ctx context.Context, tool, name string) ([]Attempt, error)
	// Running are the builds of all tools of which the cache shows an attempt that has not ended, with tool, name and key.
	Running(ctx context.Context) ([]queue.Build, error)
	// Exists asks the API server itself for an attempt, which may be too new for the cache.
	Exists(ctx context.Context, r Request, number int) (bool, error)
	// Start makes an attempt, unless it is there already, and returns without waiting for it.
	Start(ctx context.Context, r Request, number int) error
	// Advance does what the engine has to do for an attempt that runs, now that it has got so far; most often nothing.
	Advance(ctx context.Context, a Attempt) error
	// Cancel has an attempt end that still runs, and says why in its log. It stays until it is removed, unless it has printed nothing.
	Cancel(ctx context.Context, a Attempt, why string) error
	// Remove deletes an attempt. One that is gone is no error.
	Remove(ctx context.Context, a Attempt) error
}

// Attempt is one attempt at a build, as the cache shows it.
type Attempt struct {
	// Object names what the engine made for it, Pod the pod whose containers have the logs; empty for none yet.
	Object, Pod string
	// ContainerPrefix is before a container's name in that pod.
	ContainerPrefix string
	// Key and Number say which attempt at which build it is.
	Key    string
	Number int
	// StartedAt is when the object was made.
	StartedAt time.Time
	// Ended tells that nothing of it runs any more, Cancelled that it was made to end, Removed that its object is being deleted.
	Ended, Cancelled, Removed bool
	Observation
}

// Observation is what an attempt's object says of the build.
type Observation struct {
	// State is BuildRunning, BuildSucceeded or BuildFailed.
	State api.BuildState
	// Phase is the one that runs or failed.
	Phase string
	// Phases are how long each phase took, in order, as far as it is known.
	Phases []api.PhaseTime
	// Bound is the limit that it ran into; empty for none.
	Bound string
	// Message says what it waits for, or why it failed.
	Message string
	// Notes are what a maintainer may want to know although the build went on.
	Notes []string
	// Again tells that the platform failed, not the repository: another attempt may succeed.
	Again bool
}
