package retention

import (
	"log/slog"
	"sync"
	"time"

	"github.com/toolforge/toolforged/build"
)

// Report is what is told of the sweeping.
type Report struct {
	// Removed counts what was removed since the start, by kind.
	Removed map[build.RepositoryKind]int
	// LastPass is when the last pass ended; zero before the first has.
	LastPass time.Time
	// Failed counts what went wrong in the last pass that has ended, and Trouble says the last of it.
	Failed  int
	Trouble string
	// Refused says why nothing is removed, Unlisted why what went before retention was on is not found; empty when it is.
	Refused, Unlisted string
}

// journal is what is told. The zero value has nothing to tell.
type journal struct {
	mu     sync.Mutex
	report Report
	// failed and said are of the pass under way.
	failed int
	said   string
}

// Report is what can be told now.
func (s *Sweeper) Report() Report {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	report := s.journal.report
	report.Removed = map[build.RepositoryKind]int{build.OfImages: 0, build.OfCaches: 0, build.OfLogs: 0}
	for kind, n := range s.journal.report.Removed {
		report.Removed[kind] = n
	}
	return report
}

func (j *journal) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed, j.said = 0, ""
}

func (j *journal) end(now time.Time, log *slog.Logger) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.report.LastPass, j.report.Failed, j.report.Trouble = now, j.failed, j.said
	log.Debug("a pass over what builds have left has ended", "failed", j.failed)
}

func (j *journal) trouble(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed++
	j.said = err.Error()
}

func (j *journal) removed(kind build.RepositoryKind) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.report.Removed == nil {
		j.report.Removed = map[build.RepositoryKind]int{}
	}
	j.report.Removed[kind]++
}

// refused notes whether the registry removes anything; that it does not is said once.
func (j *journal) refused(err error, log *slog.Logger) {
	j.note(&j.report.Refused, err, log, "the registry removes nothing: it is asked once in each pass")
}

// unlisted notes whether the registry lists its repositories; that it does not is said once.
func (j *journal) unlisted(err error, log *slog.Logger) {
	j.note(&j.report.Unlisted, err, log, "the registry lists no repositories: what is left of what went before retention was on is not found")
}

func (j *journal) note(where *string, err error, log *slog.Logger, words string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	said := ""
	if err != nil {
		said = err.Error()
	}
	if said != "" && *where == "" {
		log.Warn(words, "error", err)
	}
	*where = said
}
