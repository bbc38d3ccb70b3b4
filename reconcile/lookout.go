package reconcile

import (
	"sync"
	"time"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// lookout remembers of each scheduled job up to when its runs were judged. Losing it costs a second look at those that can
// still be judged.
type lookout struct {
	mu     sync.Mutex
	byTool map[string]map[string]judged
}

// judged is what is known of a job's runs beyond what its Jobs tell.
type judged struct {
	// schedule is the one that it is known for.
	schedule string
	// until is the time up to which it is known which runs took place.
	until time.Time
	// missed are those that did not and that are not written down yet, oldest first.
	missed []api.MissedRuns
	// writing are those that were put into the status when that was last written; it may have failed.
	writing []api.MissedRuns
	// written is when that was.
	written time.Time
}

// settle finds out from a job's record whether what was last put into it was written.
func (j *judged) settle(record *api.ScheduledJob) {
	if len(j.writing) == 0 {
		return
	}
	newest := j.writing[len(j.writing)-1].Last
	if len(record.Missed) == 0 || record.Missed[0].Last.Before(&newest) {
		j.missed, j.written = append(j.writing, j.missed...), time.Time{}
	}
	j.writing = nil
}

func newLookout() *lookout { return &lookout{byTool: make(map[string]map[string]judged)} }

// job is what is known of a job, at least what its record says.
func (l *lookout) job(tool string, record *api.ScheduledJob) judged {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.byTool[tool][record.Name]
	if known.schedule != record.Schedule {
		known = judged{schedule: record.Schedule, written: known.written}
	}
	known.settle(record)
	known.until = latestOf(known.until, record.Since.Time)
	if len(record.Missed) > 0 {
		known.until = latestOf(known.until, record.Missed[0].Last.Time)
	}
	return known
}

func (l *lookout) keep(tool string, record *api.ScheduledJob, known judged) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.byTool[tool] == nil {
		l.byTool[tool] = make(map[string]judged)
	}
	l.byTool[tool][record.Name] = known
}

func (l *lookout) forget(tool string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.byTool, tool)
}
