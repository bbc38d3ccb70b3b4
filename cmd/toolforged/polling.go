package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/toolforge/toolforged/reconcile"
	"github.com/toolforge/toolforged/sources"
	"github.com/toolforge/toolforged/status"
)

// mostBehind is how many repositories are shown that are furthest behind.
const mostBehind = 50

// poller is what asks for the newest commits.
type poller = sources.Poller[reconcile.Revision]

// wakers wake what a new commit matters to.
type wakers struct{ tools, directories reconcile.Waker }

// addPoller has the leader ask for the newest commits.
func addPoller(m ctrl.Manager, o options, woken *wakers, log logr.Logger) (polling, error) {
	peers, err := newPeers(m.GetAPIReader(), o, m.Elected())
	if err != nil {
		return polling{}, err
	}
	reader := &reconcile.Reader{}
	polls := sources.NewPoller(sources.NewClient(sources.ClientOptions{Allowed: o.git}), reader.Read, reconcile.Wake(&woken.tools, &woken.directories),
		sources.PollerOptions{
			PerHost: o.gitConcurrency, MinInterval: o.pollMin, MaxInterval: o.pollMax,
			Logger: slog.New(logr.ToSlogHandler(log.WithName("sources"))),
		})
	if err := m.Add(manager.RunnableFunc(polls.Start)); err != nil {
		return polling{}, fmt.Errorf("add the poller: %w", err)
	}
	reports := polling{polls: polls, peers: peers}
	if err := metrics.Registry.Register(status.NewPollingCollector(reports)); err != nil {
		return polling{}, fmt.Errorf("register the metrics of polls: %w", err)
	}
	return reports, nil
}

// polling tells the status endpoint how repositories are asked for: by this replica, and by the other leaders.
type polling struct {
	polls *poller
	peers *peers
}

var _ status.PollingReports = polling{}

// Polling is what all leaders know, or with here this replica alone.
func (p polling) Polling(ctx context.Context, here bool) (status.Polling, error) {
	report := status.Polling{Shards: []status.PollingShard{}, Hosts: []status.PolledHost{}, MostBehind: []status.Poll{}}
	if p.peers.leads() {
		report = p.own()
	}
	if here {
		return report, nil
	}
	others := p.peers.others()
	found := make([]status.Polling, len(others))
	var asking sync.WaitGroup
	for i, shard := range others {
		asking.Go(func() { found[i] = p.ask(ctx, shard) })
	}
	asking.Wait()
	for _, other := range found {
		report.Shards = append(report.Shards, other.Shards...)
		report.Hosts = append(report.Hosts, other.Hosts...)
		report.MostBehind = append(report.MostBehind, other.MostBehind...)
	}
	slices.SortFunc(report.Shards, func(a, b status.PollingShard) int { return cmp.Compare(a.Shard, b.Shard) })
	slices.SortStableFunc(report.Hosts, func(a, b status.PolledHost) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Shard, b.Shard))
	})
	report.MostBehind = furthest(report.MostBehind)
	return report, nil
}

// ask is what the leader of a shard knows. One that does not answer is a shard of which nothing is known.
func (p polling) ask(ctx context.Context, shard reconcile.Shard) (report status.Polling) {
	data, err := p.peers.get(ctx, shard, status.PollingPath+"?here=1")
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil || len(report.Shards) == 0 {
		return status.Polling{Shards: []status.PollingShard{{Shard: shard.Index}}}
	}
	return report
}

func (p polling) own() status.Polling {
	shard := p.peers.own.Index
	s := p.polls.Staleness()
	report := status.Polling{
		Shards: []status.PollingShard{{
			Shard: shard, Known: true, Repositories: s.Names, Late: s.Late,
			Staleness: status.Staleness{Median: s.Median.Seconds(), P99: s.P99.Seconds(), Max: s.Most.Seconds()},
		}},
		Hosts: []status.PolledHost{}, MostBehind: []status.Poll{},
	}
	for _, h := range p.polls.Hosts() {
		report.Hosts = append(report.Hosts, status.PolledHost{
			Name: h.Name, Shard: shard, State: h.State, Repositories: h.Repositories, Running: h.Running, Budget: h.Budget,
			Waiting: h.Waiting, Failures: h.Failures, FailingSince: timeOf(h.Since), Error: textOf(h.Err), NextTry: timeOf(h.Next),
		})
	}
	for _, n := range p.polls.Names(nil) {
		report.MostBehind = append(report.MostBehind, pollOf(n))
	}
	report.MostBehind = furthest(report.MostBehind)
	return report
}

func furthest(polls []status.Poll) []status.Poll {
	slices.SortFunc(polls, func(a, b status.Poll) int {
		return cmp.Or(cmp.Compare(b.Behind, a.Behind), cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Build, b.Build))
	})
	return slices.Clone(polls[:min(len(polls), mostBehind)])
}

var errNotLeading = errors.New("this replica does not lead")

// Polls are those of one tool's repositories: its own, then those of its builds by name.
func (p polling) Polls(ctx context.Context, tool string, here bool) ([]status.Poll, error) {
	shard := p.peers.own
	for i := range shard.Count {
		if other := (reconcile.Shard{Index: i, Count: shard.Count}); other.Owns(tool) {
			shard = other
		}
	}
	if shard == p.peers.own && p.peers.leads() {
		polls := []status.Poll{}
		for _, n := range p.polls.Names(func(name string) bool { return name == tool || strings.HasPrefix(name, tool+"/") }) {
			polls = append(polls, pollOf(n))
		}
		slices.SortFunc(polls, func(a, b status.Poll) int { return cmp.Compare(a.Build, b.Build) })
		return polls, nil
	}
	if here {
		return nil, errNotLeading
	}
	data, err := p.peers.get(ctx, shard, status.ToolPollingPath(url.PathEscape(tool))+"?here=1")
	if err != nil {
		return nil, err
	}
	var answer status.PollList
	if err := json.Unmarshal(data, &answer); err != nil {
		return nil, errNotLeading
	}
	return answer.Polls, nil
}

func pollOf(n sources.NameReport) status.Poll {
	tool, build, _ := strings.Cut(n.Name, "/")
	return status.Poll{
		Tool: tool, Build: build, Repository: n.Repository.URL, Ref: cmp.Or(n.Repository.Ref, "HEAD"), Host: n.Host,
		Interval: n.Interval.Seconds(), Behind: n.Behind.Seconds(), AskedAt: timeOf(n.Asked), SeenAt: timeOf(n.Looked),
		NextAt: timeOf(n.Next), Waiting: n.Waiting, Failures: n.Failures, FailingSince: timeOf(n.FailingSince), Error: textOf(n.Err),
	}
}

func timeOf(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// withoutURL is what went wrong with a request, without its address, which may hold a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
