package sources

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	retryFirst = 30 * time.Second
	retryMost  = 10 * time.Minute
	// spread is the share of a wait that is left to chance.
	spread = 0.1
	// startGap is the mean time between first polls when many repositories are watched at once.
	startGap = 10 * time.Millisecond
	// hastyGap is the least time between two polls of a repository, however often it is hastened.
	hastyGap = time.Second
	// minInterval bounds what Watch accepts.
	minInterval = time.Second
)

// Source is what a Poller asks; *Client is the one.
type Source interface {
	// Resolve says which commit the repository's ref names.
	Resolve(ctx context.Context, repo Repository) (commit string, err error)
	// Open reads a commit and its trees.
	Open(ctx context.Context, repo Repository, commit string) (*Snapshot, error)
}

var _ Source = (*Client)(nil)

// PollerOptions bound what a Poller does; the zero value of each field stands for its default.
type PollerOptions struct {
	// Workers bounds how many polls run at once; default 32.
	Workers int
	// PerHost bounds how many polls of one host run at once; default 4.
	PerHost int
	// Timeout bounds each poll, with the reading of a new commit; default 30 s.
	Timeout time.Duration
	// Now is the time; default time.Now.
	Now func() time.Time
	// Random is a number from 0 up to 1; default math/rand/v2's.
	Random func() float64
	// Logger is told of failing polls; default none.
	Logger *slog.Logger
}

// Poller asks each watched repository for the commit of its ref at its interval, and reads a commit once when it
// changed. A failing repository is asked less and less often; a slow host holds up none but its own repositories.
// It is safe for concurrent use.
type Poller[T any] struct {
	source Source
	read   func(context.Context, *Snapshot) (T, error)
	notify func(name string)
	opts   PollerOptions

	mu       sync.Mutex
	watches  map[string]*watch[T]
	schedule schedule[T]
	parked   map[string][]*watch[T] // due, but their host has enough to do
	hosts    map[string]int         // polls running, by host
	running  int
	fresh    int // watches never polled
	wake     chan struct{}
}

// NewPoller makes a Poller. read is called once for each new commit, from several goroutines; an error of it is tried
// again, so what will not change for this commit belongs into T. notify is called after the first poll of a repository
// and whenever the commit or the text of the error has changed; it must not block.
func NewPoller[T any](source Source, read func(context.Context, *Snapshot) (T, error), notify func(name string), opts PollerOptions) *Poller[T] {
	opts.Workers = cmp.Or(opts.Workers, 32)
	opts.PerHost = cmp.Or(opts.PerHost, 4)
	opts.Timeout = cmp.Or(opts.Timeout, 30*time.Second)
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Poller[T]{
		source:  source,
		read:    read,
		notify:  notify,
		opts:    opts,
		watches: map[string]*watch[T]{},
		parked:  map[string][]*watch[T]{},
		hosts:   map[string]int{},
		wake:    make(chan struct{}, 1),
	}
}

// Watch asks repo at the interval (at least a second) under that name from now on. Calling it again with the same
// values does nothing. Another URL or ref starts afresh, forgetting what was observed; other credentials keep it; both
// are polled soon.
func (p *Poller[T]) Watch(name string, repo Repository, interval time.Duration) {
	interval = max(interval, minInterval)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.poke()
	now := p.opts.Now()
	w, known := p.watches[name]
	switch {
	case known && w.repo.same(repo):
		p.adjust(w, repo, interval)
		return
	case known:
		p.drop(w)
	}
	shown := Repository{URL: repo.URL, Ref: repo.Ref}
	w = &watch[T]{name: name, repo: repo, host: repo.host(), interval: interval, index: -1}
	w.latest.Repository = shown
	p.watches[name] = w
	p.fresh++
	wait := time.Duration(0)
	if !known {
		// One new tool is polled at once; thousands, after a start, one after the other.
		wait = time.Duration(p.opts.Random() * float64(min(interval, time.Duration(p.fresh-1)*startGap)))
	}
	p.schedule.at(w, now.Add(wait))
}

// adjust takes over another interval or other credentials.
func (p *Poller[T]) adjust(w *watch[T], repo Repository, interval time.Duration) {
	if !w.repo.sameCredentials(repo) {
		w.repo = repo
		p.hasten(w)
	}
	if w.interval != interval {
		w.interval = interval
		if soonest := p.opts.Now().Add(w.delay(p.opts.Random)); w.index >= 0 && soonest.Before(w.due) {
			p.schedule.at(w, soonest)
		}
	}
}

// Forget stops watching name. It may be called for names that are not watched.
func (p *Poller[T]) Forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w, ok := p.watches[name]; ok {
		p.drop(w)
		delete(p.watches, name)
	}
}

// drop takes w out of everything but the map; a poll of it that runs is ended and comes to nothing.
func (p *Poller[T]) drop(w *watch[T]) {
	p.schedule.remove(w)
	if w.cancel != nil {
		w.cancel()
	}
	if w.latest.Polled.IsZero() {
		p.fresh--
	}
	waiting := p.parked[w.host]
	for i, other := range waiting {
		if other == w {
			p.parked[w.host] = append(waiting[:i:i], waiting[i+1:]...)
			return
		}
	}
}

// Hasten has name polled now, but not more often than once a second.
func (p *Poller[T]) Hasten(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w, ok := p.watches[name]; ok {
		p.hasten(w)
		p.poke()
	}
}

func (p *Poller[T]) hasten(w *watch[T]) {
	switch {
	case w.running:
		w.again = true
	case w.index >= 0:
		if soonest := p.soonest(w); soonest.Before(w.due) {
			p.schedule.at(w, soonest)
		}
	}
}

// soonest is when w may be polled out of turn.
func (p *Poller[T]) soonest(w *watch[T]) time.Time {
	now := p.opts.Now()
	if after := w.latest.Polled.Add(hastyGap); after.After(now) {
		return after
	}
	return now
}

// Latest is what is known under that name; ok is false before the first poll has ended.
func (p *Poller[T]) Latest(name string) (latest Observation[T], ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := p.watches[name]
	if !ok || w.latest.Polled.IsZero() {
		return Observation[T]{}, false
	}
	return w.latest, true
}

// poke has the loop of Start look at the schedule again.
func (p *Poller[T]) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// ask resolves the ref and reads the commit if it is another one than known.
func (p *Poller[T]) ask(ctx context.Context, repo Repository, known string) (result poll[T]) {
	defer func() {
		// What is read is a stranger's; a mistake in reading it must not end the daemon.
		if cause := recover(); cause != nil {
			p.opts.Logger.Error("reading a repository panicked", "repository", repo.String(), "cause", cause)
			result.err = fmt.Errorf("reading %s failed: internal error", repo)
		}
	}()
	commit, err := p.source.Resolve(ctx, repo)
	if err != nil {
		return poll[T]{err: err}
	}
	result.seen = commit
	if commit == known {
		return result
	}
	snapshot, err := p.source.Open(ctx, repo, commit)
	if err != nil {
		result.err = err
		return result
	}
	result.value, result.err = p.read(ctx, snapshot)
	result.read = result.err == nil
	return result
}
