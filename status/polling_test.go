package status_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/toolforge/toolforged/status"
)

// reports are how a platform of two shards polls, of which one does not answer, and a forge neither.
type reports struct{}

var errNobodyLeads = errors.New("nobody leads")

func at(before time.Duration) *time.Time {
	t := now.Add(-before)
	return &t
}

func (reports) Polling(_ context.Context, here bool) (status.Polling, error) {
	zeta := status.Poll{
		Tool: "zeta", Repository: "https://forge.example/zeta.git", Ref: "main", Host: "forge.example", Interval: 60, Behind: 610,
		AskedAt: at(10 * time.Second), SeenAt: at(610 * time.Second), NextAt: at(-20 * time.Second), Waiting: true, Failures: 2,
		FailingSince: at(10 * time.Minute), Error: "cannot reach https://forge.example/zeta.git: <script>alert(1)</script>\x1b[31m\u202e",
	}
	report := status.Polling{
		Shards: []status.PollingShard{{Known: true, Repositories: 3500, Late: 7, Staleness: status.Staleness{Median: 29.96, P99: 58.2, Max: 610}}},
		Hosts: []status.PolledHost{
			{
				Name: "forge.example", State: "down", Repositories: 1000, Budget: 1, Waiting: 998, Failures: 14, FailingSince: at(10 * time.Minute),
				Error: zeta.Error, NextTry: at(-25 * time.Second),
			},
			{Name: "git.example:8443", State: "well", Repositories: 2500, Running: 2, Budget: 4},
		},
		MostBehind: []status.Poll{zeta, {Tool: "alpha", Build: "redis", Interval: 60, Behind: 30.5, NextAt: at(-30 * time.Minute)}},
	}
	if !here {
		report.Shards = append(report.Shards, status.PollingShard{Shard: 1})
	}
	return report, nil
}

func (r reports) Polls(ctx context.Context, tool string, here bool) ([]status.Poll, error) {
	report, _ := r.Polling(ctx, here)
	switch tool {
	case "zeta":
		return report.MostBehind[:1], nil
	case "alpha":
		own := status.Poll{Tool: "alpha", AskedAt: at(40 * time.Second), SeenAt: at(40 * time.Second), NextAt: at(-18 * time.Second)}
		return []status.Poll{own, report.MostBehind[1]}, nil
	}
	return nil, errNobodyLeads
}

func TestPollingPage(t *testing.T) {
	h := sampleHandler(t)
	page := text(parse(t, get(h, "/polling").Body.String()))
	for _, want := range []string{
		"0 3500 7 30s 58s 10m10s", "1 not known: the replica that leads cannot be asked",
		"forge.example down 1000 0 of 1 at once, 998 waiting cannot reach", "14 in a row, since 10 minutes ago", "next try in 25s",
		"git.example:8443 well 2500 2 of 4 at once –",
		"zeta 10m10s 1m0s waits for forge.example", "alpha build redis 31s 1m0s in 30m",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	if body := get(h, "/polling").Body.String(); strings.Contains(body, "<script>") {
		t.Error("a stranger's text is not escaped")
	}
}

func TestToolPageSaysWhenItWasAsked(t *testing.T) {
	h := sampleHandler(t)
	page := text(parse(t, get(h, "/tools/alpha").Body.String()))
	for _, want := range []string{"Asked 40 seconds ago ; next: in 18s", "Repository of redis"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	page = text(parse(t, get(h, "/tools/zeta").Body.String()))
	if want := "Asked 10 seconds ago ; next: when forge.example answers; what it names is known as of 10 minutes ago"; !strings.Contains(page, want) {
		t.Errorf("no %q in %s", want, page)
	}
}

func TestPollingAsJSON(t *testing.T) {
	h := sampleHandler(t)
	for target, want := range map[string]string{
		"/api/v1/polling":              `"shard": 1,`,
		"/api/v1/tools/zeta/polling":   `"waiting": true`,
		"/api/v1/tools/Zeta/polling":   "there is no tool of that name",
		"/api/v1/tools/nobody/polling": "cannot be read at the moment",
	} {
		if body := get(h, target).Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s: no %s in %s", target, want, body)
		}
	}
	if body := get(h, "/api/v1/polling?here=1").Body.String(); strings.Contains(body, `"shard": 1,`) {
		t.Errorf("here: %s", body)
	}
	if code := get(h, "/api/v1/tools/nobody/polling").Code; code != http.StatusServiceUnavailable {
		t.Errorf("answered %d", code)
	}
}

func TestPollingMetrics(t *testing.T) {
	page := get(sampleHandler(t), "/metrics").Body.String()
	for _, want := range []string{
		`toolforged_poll_staleness_seconds{quantile="0.5"} 29.96`, `toolforged_poll_staleness_seconds{quantile="0.99"} 58.2`,
		`toolforged_poll_staleness_seconds{quantile="1"} 610`, `toolforged_polled_repositories 3500`, `toolforged_polled_repositories_late 7`,
		`toolforged_git_hosts{state="down"} 1`, `toolforged_git_hosts{state="paused"} 0`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}

// Without webhooks there is nothing to post to; with them, only there.
func TestWebhooksArePosted(t *testing.T) {
	o := options(t, reader(t, sample()...))
	if code := request(status.New(o), http.MethodPost, "/webhook/github").Code; code != http.StatusNotFound {
		t.Errorf("without webhooks: answered %d", code)
	}
	o.Webhooks = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(body)
	})
	h := status.New(o)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/webhook/github", strings.NewReader("a push")))
	if w.Code != http.StatusAccepted || w.Body.String() != "a push" {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
	for _, target := range []string{"/webhook", "/webhooks/github", "/tools/webhook/"} {
		if code := request(h, http.MethodPost, target).Code; code != http.StatusMethodNotAllowed {
			t.Errorf("%s: answered %d", target, code)
		}
	}
}
