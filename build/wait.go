package build

import (
	"context"
	"fmt"
	"time"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Delays before the platform's own failures are tried again: doubled with each attempt, between these bounds.
const (
	firstRetry = 10 * time.Second
	lastRetry  = 10 * time.Minute
)

// queueCheck is how long a build that waits for others goes without a look, should no event wake it.
const queueCheck = 5 * time.Second

// runningCheck is the same for a build that runs: of a pod that is gone before the cache has shown it, there is no event.
const runningCheck = time.Minute

// RetryAt is when Step should be called again for a record, were there no event before; 0 for one that is closed.
func RetryAt(record api.Build) time.Duration {
	switch record.State {
	case api.BuildWaiting:
		return queueCheck
	case api.BuildRunning:
		return runningCheck
	default:
		return 0
	}
}

// mustWait says why the next attempt cannot begin now; it is empty when it can.
func (b *Builds) mustWait(ctx context.Context, record api.Build, own []Attempt) (string, error) {
	for _, attempt := range own {
		if !attempt.Ended {
			return fmt.Sprintf("the build in pod %s, of an older revision, is still running", attempt.Object), nil
		}
	}
	if record.State == api.BuildWaiting && record.FinishedAt != nil {
		delay := min(firstRetry<<min(record.Attempts-1, 10), lastRetry)
		if at := record.FinishedAt.Add(delay); b.Now().Before(at) {
			return record.Message, nil
		}
	}
	running, err := b.Engine.Running(ctx)
	if err != nil {
		return "", err
	}
	if running >= b.Config.Concurrency {
		return fmt.Sprintf("%d builds are running, as many as may run at a time", running), nil
	}
	return "", nil
}
