package queue

import (
	"cmp"
	"slices"
	"time"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Bounds are how many builds may run at the same time: of all tools, and of one. Both are at least 1.
type Bounds struct{ Platform, Tool int }

// Build is one build in the queue.
type Build struct {
	// Tool, Name and Key say which one it is.
	Tool, Name, Key string
	// Automatic tells that no maintainer asked for it.
	Automatic bool
	// QueuedAt is since when it waits, or did.
	QueuedAt time.Time
	// Held tells that it cannot take a turn yet: an older build of the same tool and name still runs.
	Held bool
}

// is tells whether two builds are of the same tool and name. Of these only one can wait.
func (b Build) is(other Build) bool { return b.Tool == other.Tool && b.Name == other.Name }

// Queue is what runs, and what waits in the order in which it takes its turns.
type Queue struct {
	Running []Build
	Waiting []Build
	// began is when a build of each tool last began.
	began map[string]time.Time
}

// Of is the queue of all tools' records at a time. A tool that is suspended or being deleted has no part in it: nothing
// brings its builds forward.
func Of(tools []api.Tool, now time.Time) Queue {
	q := Queue{began: make(map[string]time.Time)}
	for i := range tools {
		if tool := &tools[i]; !tool.Spec.Suspend && tool.DeletionTimestamp == nil {
			q.take(tool, now)
		}
	}
	q.sort()
	return q
}

// take adds a tool's builds, in no order.
func (q *Queue) take(tool *api.Tool, now time.Time) {
	older := make(map[string]bool)
	for _, past := range tool.Status.BuildHistory {
		if past.StartedAt != nil {
			q.start(tool.Name, past.StartedAt.Time)
		}
		if past.Outcome == api.BuildOutcomeRunning {
			older[past.Name] = true
			q.Running = append(q.Running, Build{Tool: tool.Name, Name: past.Name, Key: past.Key, Automatic: past.Automatic})
		}
	}
	for _, record := range tool.Status.Builds {
		build := Build{Tool: tool.Name, Name: record.Name, Key: record.Key, Automatic: record.Automatic, Held: older[record.Name]}
		if record.StartedAt != nil {
			q.start(tool.Name, record.StartedAt.Time)
		}
		if record.QueuedAt != nil {
			build.QueuedAt = record.QueuedAt.Time
		}
		switch {
		case record.State == api.BuildRunning:
			q.Running = append(q.Running, build)
		case record.State == api.BuildWaiting && record.QueuedAt != nil && (record.RetryAt == nil || !record.RetryAt.After(now)):
			q.Waiting = append(q.Waiting, build)
		}
	}
}

func (q *Queue) start(tool string, at time.Time) {
	if at.After(q.began[tool]) {
		q.began[tool] = at
	}
}

// Wait puts a build among those that wait, in place of the one of its tool and name, if there is one.
func (q *Queue) Wait(build Build) {
	build.Held = slices.ContainsFunc(q.Running, build.is)
	q.Waiting = append(slices.DeleteFunc(q.Waiting, build.is), build)
	q.sort()
}

// Run puts a build among those that run, unless it is there. It does not wait then.
func (q *Queue) Run(build Build) {
	same := func(other Build) bool { return build.is(other) && build.Key == other.Key }
	if slices.ContainsFunc(q.Running, same) {
		return
	}
	q.Running = append(q.Running, build)
	q.Waiting = slices.DeleteFunc(q.Waiting, same)
	for i := range q.Waiting {
		q.Waiting[i].Held = q.Waiting[i].Held || q.Waiting[i].is(build)
	}
	q.sort()
}

// Forget takes a build out, wherever it is.
func (q *Queue) Forget(build Build) {
	same := func(other Build) bool { return build.is(other) && build.Key == other.Key }
	before := len(q.Running) + len(q.Waiting)
	q.Running, q.Waiting = slices.DeleteFunc(q.Running, same), slices.DeleteFunc(q.Waiting, same)
	if len(q.Running)+len(q.Waiting) < before {
		q.sort()
	}
}

// sort puts what waits in its order: what a maintainer asked for before what nobody did; round by round one of each tool,
// those that have fewer running first; in a round, what has waited longer, where a tool that has had a turn since begins to
// wait anew.
func (q *Queue) sort() {
	place := func(b Build) time.Time {
		if began := q.began[b.Tool]; began.After(b.QueuedAt) {
			return began
		}
		return b.QueuedAt
	}
	inOrder := func(a, b Build) int {
		return cmp.Or(place(a).Compare(place(b)), cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Name, b.Name))
	}
	slices.SortFunc(q.Waiting, inOrder)
	taken := make(map[string]int)
	for _, running := range q.Running {
		taken[running.Tool]++
	}
	rounds := make(map[Build]int, len(q.Waiting))
	for _, automatic := range []bool{false, true} {
		for _, b := range q.Waiting {
			if b.Automatic == automatic {
				rounds[b] = taken[b.Tool]
				taken[b.Tool]++
			}
		}
	}
	slices.SortStableFunc(q.Waiting, func(a, b Build) int {
		return cmp.Or(compareBool(a.Automatic, b.Automatic), cmp.Compare(rounds[a], rounds[b]))
	})
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}

// Turns are those of the builds that wait whose turn it is: as many as the bounds allow to begin now, in order.
func (q Queue) Turns(bounds Bounds) []Build {
	running := make(map[string]int)
	for _, build := range q.Running {
		running[build.Tool]++
	}
	var turns []Build
	for _, build := range q.Waiting {
		if len(q.Running)+len(turns) >= bounds.Platform {
			break
		}
		if !build.Held && running[build.Tool] < bounds.Tool {
			running[build.Tool]++
			turns = append(turns, build)
		}
	}
	return turns
}

// Ahead are the builds that take their turns before one that waits; nil and false when it does not wait.
func (q Queue) Ahead(tool, name string) ([]Build, bool) {
	at := slices.IndexFunc(q.Waiting, Build{Tool: tool, Name: name}.is)
	if at < 0 {
		return nil, false
	}
	return q.Waiting[:at:at], true
}
