package status

import (
	"context"
	"net/http"
	"time"
)

// PollingPath is where what is known of polls is as JSON; with ?here=1, what the asked replica alone knows.
const PollingPath = "/api/v1/polling"

// ToolPollingPath is where that of one tool is, by its name.
func ToolPollingPath(tool string) string { return "/api/v1/tools/" + tool + "/polling" }

// PollingReports tell how repositories are asked for. They are safe for concurrent use.
type PollingReports interface {
	// Polling is what all replicas that lead know, or with here this one alone: nothing when it does not lead.
	Polling(ctx context.Context, here bool) (Polling, error)
	// Polls are those of one tool's repositories. The error tells that the replica that knows cannot be asked.
	Polls(ctx context.Context, tool string, here bool) ([]Poll, error)
}

// pollingTimeout bounds the wait for other replicas.
const pollingTimeout = 3 * time.Second

// Polling is the answer to /api/v1/polling.
type Polling struct {
	// Shards are the parts into which the tools are divided, by number.
	Shards []PollingShard `json:"shards"`
	// Hosts are the git servers, sorted by name.
	Hosts []PolledHost `json:"hosts"`
	// MostBehind are the 50 repositories that are furthest behind, furthest first.
	MostBehind []Poll `json:"most_behind"`
}

// PollingShard is how the polls of one part of the tools go.
type PollingShard struct {
	// Shard counts from 0.
	Shard int `json:"shard"`
	// Known is false when the part's leader cannot be asked: all else is 0 then.
	Known bool `json:"known"`
	// Repositories counts what is followed: a tool's own repository, and each of its builds' with one of their own.
	Repositories int `json:"repositories"`
	// Late counts those that are further behind than their interval and a quarter of it.
	Late int `json:"late"`
	// Staleness is how far behind they are, in seconds.
	Staleness Staleness `json:"staleness"`
}

// Staleness is for how many seconds it has not been known what the followed refs name: since the last poll began that saw
// it.
type Staleness struct {
	Median float64 `json:"p50"`
	P99    float64 `json:"p99"`
	Max    float64 `json:"max"`
}

// PolledHost is a git server.
type PolledHost struct {
	// Name is its host, with the port if that is written.
	Name string `json:"name"`
	// Shard is the part whose leader says so.
	Shard int `json:"shard"`
	// State is "well", "failing" (it did not answer lately, and is still asked as ever), "down" (it does not answer, and is
	// sent one probe at a time) or "paused" (it said that it has too much to do).
	State string `json:"state"`
	// Repositories counts the refs that are followed there.
	Repositories int `json:"repositories"`
	// Running polls, of at most Budget at once now. Waiting counts those that are due.
	Running int `json:"running"`
	Budget  int `json:"budget"`
	Waiting int `json:"waiting"`
	// Failures counts polls without an answer, in a row, since FailingSince; Error is the last.
	Failures     int        `json:"failures"`
	FailingSince *time.Time `json:"failing_since"`
	Error        string     `json:"error"`
	// NextTry is when it is asked again, null for one that is asked as ever.
	NextTry *time.Time `json:"next_try"`
}

// PollList is the answer to /api/v1/tools/<name>/polling.
type PollList struct {
	// Polls are those of the tool's own repository, and of its builds' by name.
	Polls []Poll `json:"polls"`
}

// Poll is how one repository of a tool is asked for.
type Poll struct {
	// Tool is the tool's name, or "directory:" and that of a Directory.
	Tool string `json:"tool"`
	// Build is the build whose repository it is, "" for the tool's own.
	Build      string `json:"build"`
	Repository string `json:"repository"`
	Ref        string `json:"ref"`
	Host       string `json:"host"`
	// Interval is the time between two polls at present, in seconds.
	Interval float64 `json:"interval"`
	// Behind is for how many seconds it has not been known what the ref names.
	Behind float64 `json:"behind"`
	// AskedAt is when the last poll ended, SeenAt when the last one began that saw the ref, NextAt when the next is due, null
	// while one runs.
	AskedAt *time.Time `json:"asked_at"`
	SeenAt  *time.Time `json:"seen_at"`
	NextAt  *time.Time `json:"next_at"`
	// Waiting tells that it is due, and waits for its host.
	Waiting bool `json:"waiting"`
	// Failures counts failing polls in a row, since FailingSince; Error is why the last failed.
	Failures     int        `json:"failures"`
	FailingSince *time.Time `json:"failing_since"`
	Error        string     `json:"error"`
}

// cleaned is a report whose texts, which strangers may have written, are fit to be shown.
func (p Polling) cleaned() Polling {
	for i := range p.Hosts {
		p.Hosts[i].Error = message(p.Hosts[i].Error)
	}
	for i := range p.MostBehind {
		p.MostBehind[i].Error = message(p.MostBehind[i].Error)
	}
	return p
}

func (a api) servePolling(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pollingTimeout)
	defer cancel()
	report, err := a.polling.Polling(ctx, r.URL.Query().Get("here") != "")
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, report.cleaned())
}

func (a api) serveToolPolling(w http.ResponseWriter, r *http.Request) {
	if !toolName.MatchString(r.PathValue("name")) {
		a.fail(w, errNotFound)
		return
	}
	polls, err := pollsOf(r.Context(), a.polling, r.PathValue("name"), r.URL.Query().Get("here") != "")
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, PollList{polls})
}

func pollsOf(ctx context.Context, polling PollingReports, tool string, here bool) ([]Poll, error) {
	ctx, cancel := context.WithTimeout(ctx, pollingTimeout)
	defer cancel()
	polls, err := polling.Polls(ctx, tool, here)
	if err != nil {
		return nil, err
	}
	if polls == nil {
		polls = []Poll{}
	}
	for i := range polls {
		polls[i].Error = message(polls[i].Error)
	}
	return polls, nil
}

type pollingPage struct {
	frame
	Polling
}

func (p pages) servePolling(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), pollingTimeout)
	defer cancel()
	report, err := p.polling.Polling(ctx, false)
	if err != nil {
		p.fail(w, err)
		return
	}
	p.render(w, http.StatusOK, "polling.html", pollingPage{p.frame("Polling"), report.cleaned()})
}

// pollsFor are those to show on a tool's page. That they cannot be told is no reason not to show the rest.
func (p pages) pollsFor(ctx context.Context, tool string) []Poll {
	if p.polling == nil {
		return nil
	}
	polls, err := pollsOf(ctx, p.polling, tool, false)
	if err != nil {
		p.log.Info("how a tool is polled cannot be told", "tool", tool, "error", err.Error())
	}
	return polls
}
