package sources

import (
	"cmp"
	"slices"
	"time"
)

// The states of a host.
const (
	// HostWell: it answered last.
	HostWell = "well"
	// HostFailing: it did not answer lately; all its repositories are still asked.
	HostFailing = "failing"
	// HostDown: it does not answer; one repository is asked now and then, to find out when it does.
	HostDown = "down"
	// HostPaused: it answered that it has too much to do, and is left alone until then.
	HostPaused = "paused"
)

// HostReport is what is known of a git server.
type HostReport struct {
	Name  string // host, and port if it is not the scheme's own
	State string
	// Repositories are watched at it: refs of repositories, each with one set of credentials.
	Repositories int
	// Running polls, of the Budget that may run at once now; Waiting are due and wait for room or for an answer.
	Running, Budget, Waiting int
	// Failures are polls in a row that it did not answer, or answered that it has too much to do. Since is when the first
	// was, Err the last. All are zero when it is well.
	Failures int
	Since    time.Time
	Err      error
	// Next is when it may be asked again, zero when at any time.
	Next time.Time
}

// NameReport is how the polls of a name go.
type NameReport struct {
	Name       string
	Repository Repository // without credentials
	Host       string
	// Interval is the time between two polls at present.
	Interval time.Duration
	// Asked is when the last poll ended, Looked when the last one began that saw what the ref named; zero when none did.
	Asked, Looked time.Time
	// Behind is for how long it is not known what the ref names: since Looked, or since it is watched.
	Behind time.Duration
	// Next is when the next poll is due. It is in the past for one that waits for its host, and zero while one runs.
	Next time.Time
	// Waiting tells that it is due, and that its host has enough to do or does not answer.
	Waiting bool
	// Err is why the last poll failed, since FailingSince; Failures of its own in a row.
	Err          error
	FailingSince time.Time
	Failures     int
}

// Hosts reports on all hosts, sorted by name.
func (p *Poller[T]) Hosts() []HostReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	reports := make([]HostReport, 0, len(p.hosts))
	for _, h := range p.hosts {
		r := HostReport{
			Name: h.name, State: h.state(), Repositories: h.watches, Running: h.running, Budget: h.budget,
			Waiting: len(h.waiting), Failures: h.faults + h.busy, Since: h.since, Err: h.err,
		}
		if h.closed {
			r.Budget, r.Next = 1, h.next
		}
		reports = append(reports, r)
	}
	slices.SortFunc(reports, func(a, b HostReport) int { return cmp.Compare(a.Name, b.Name) })
	return reports
}

// Names reports on all names for which want is true (nil for all), in no order.
func (p *Poller[T]) Names(want func(name string) bool) []NameReport {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opts.Now()
	var reports []NameReport
	for name, n := range p.interests {
		if want == nil || want(name) {
			reports = append(reports, p.report(n, now))
		}
	}
	return reports
}

func (p *Poller[T]) report(n *interest[T], now time.Time) NameReport {
	w := n.watch
	r := NameReport{
		Name: n.name, Repository: n.latest.Repository, Host: w.host.name, Interval: p.pace(w, now),
		Asked: w.polled, Looked: w.looked, Behind: w.behind(now), Failures: w.failures,
		Err: n.latest.Err, FailingSince: n.latest.FailingSince,
	}
	switch {
	case w.running:
	case w.index >= 0:
		r.Next, r.Waiting = w.due, w.host.probe == w
	default:
		r.Next, r.Waiting = w.due, true
	}
	return r
}

func (w *watch[T]) behind(now time.Time) time.Duration {
	if w.looked.IsZero() {
		return now.Sub(w.began)
	}
	return now.Sub(w.looked)
}

// Staleness is for how long it is not known what the refs name that are watched, over all names. A commit id that is
// followed names itself, and counts as asked.
type Staleness struct {
	// Names is how many there are, Late how many are further behind than their interval and a quarter of it.
	Names, Late int
	// Median, P99 and Most are quantiles; zero when there are no names.
	Median, P99, Most time.Duration
}

// Staleness measures now.
func (p *Poller[T]) Staleness() Staleness {
	p.mu.Lock()
	now := p.opts.Now()
	s := Staleness{Names: len(p.interests)}
	behind := make([]time.Duration, 0, len(p.interests))
	for _, n := range p.interests {
		b := n.watch.behind(now)
		behind = append(behind, b)
		if pace := p.pace(n.watch, now); b > pace+pace/4 {
			s.Late++
		}
	}
	p.mu.Unlock()
	if len(behind) == 0 {
		return s
	}
	slices.Sort(behind)
	at := func(percent int) time.Duration { return behind[(len(behind)-1)*percent/100] }
	s.Median, s.P99, s.Most = at(50), at(99), at(100)
	return s
}
