package sources

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// retryFirst and retryMost bound the wait before a repository is tried again that failed while its host answers.
	retryFirst = 30 * time.Second
	retryMost  = 10 * time.Minute
	// spread is the share of a wait that is left to chance.
	spread = 0.1
	// startGap is the mean time between first polls when many repositories are watched at once.
	startGap = 10 * time.Millisecond
	// hastyGap is the least time between two polls of a repository, however often it is hastened.
	hastyGap = time.Second
	// minInterval bounds what Watch accepts, and what PollerOptions may say.
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
	// Workers bounds how many polls run at once; default 64.
	Workers int
	// PerHost bounds how many polls of one host run at once; default 4. A host that does not answer well gets fewer.
	PerHost int
	// MinInterval and MaxInterval bound the time between two polls of a repository, whatever its interval and however
	// lively it is; defaults 1 s (the least there is) and 24 h. A repository that fails may wait longer.
	MinInterval, MaxInterval time.Duration
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
// changed, for all names under which it is watched. A repository that was pushed to lately is asked more often, one in
// which nothing happens less, and one that fails less and less often. A host that does not answer is sent one probe at a
// time; that, and a slow one, holds up none but its own repositories. It is safe for concurrent use.
type Poller[T any] struct {
	source Source
	read   func(ctx context.Context, snapshot *Snapshot, reading string) (T, error)
	notify func(name string)
	opts   PollerOptions

	mu        sync.Mutex
	interests map[string]*interest[T] // by name
	watches   map[watchKey]*watch[T]
	schedule  schedule[T]
	hosts     map[string]*host[T]
	running   int
	slow      lane[T]
	fresh     int      // watches never polled
	told      []string // names to be told, when the lock is given back
	wake      chan struct{}
}

// NewPoller makes a Poller. read is called once for each new commit and reading (see Watch), from several goroutines; an
// error of it is tried again, so what will not change for this commit belongs into T. notify is called, for each name,
// after its first poll and whenever the commit, the reading or the text of the error has changed; it must not block.
func NewPoller[T any](source Source, read func(ctx context.Context, snapshot *Snapshot, reading string) (T, error),
	notify func(name string), opts PollerOptions) *Poller[T] {
	opts.Workers = cmp.Or(opts.Workers, 64)
	opts.PerHost = cmp.Or(opts.PerHost, 4)
	opts.Timeout = cmp.Or(opts.Timeout, 30*time.Second)
	opts.MinInterval = max(opts.MinInterval, minInterval)
	opts.MaxInterval = max(cmp.Or(opts.MaxInterval, 24*time.Hour), opts.MinInterval)
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
		source:    source,
		read:      read,
		notify:    notify,
		opts:      opts,
		interests: map[string]*interest[T]{},
		watches:   map[watchKey]*watch[T]{},
		hosts:     map[string]*host[T]{},
		wake:      make(chan struct{}, 1),
	}
}

// Watch asks repo at the interval (at least a second) under that name from now on, and reads of each commit what reading
// says; the name and reading may be any text. Calling it again with the same values does nothing. Another URL or ref
// starts afresh, forgetting what was observed; other credentials or another reading keep it until there is something
// newer; each is polled soon, and another reading of a commit that was read is read too.
//
// Names that want the same ref of the same repository (the same URL as it is written) with the same credentials share
// its polls, at the shortest of their intervals, and what is read, when the reading is the same.
func (p *Poller[T]) Watch(name string, repo Repository, reading string, interval time.Duration) {
	interval = max(interval, minInterval)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.poke()
	old, known := p.interests[name]
	if known && old.watch.key == repo.key() {
		p.adjust(old, reading, interval)
		return
	}
	n := &interest[T]{name: name, reading: reading, interval: interval}
	if known && old.watch.repo.same(repo) {
		n.latest = old.latest
	}
	n.latest.Repository = Repository{URL: repo.URL, Ref: repo.Ref}
	if known {
		p.leave(old)
	}
	p.join(n, repo, func() time.Duration {
		if known {
			return 0
		}
		// One new repository is polled at once; thousands, after a start, one after the other.
		return time.Duration(p.opts.Random() * float64(min(interval, time.Duration(p.fresh-1)*startGap)))
	})
}

// Forget stops watching under name. It may be called for names that are not watched.
func (p *Poller[T]) Forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.interests[name]; ok {
		p.leave(n)
	}
}

// drop takes w out of everything; a poll of it that runs is ended and comes to nothing.
func (p *Poller[T]) drop(w *watch[T]) {
	delete(p.watches, w.key)
	p.schedule.remove(w)
	if w.cancel != nil {
		w.cancel()
	}
	if w.polled.IsZero() {
		p.fresh--
	}
	p.without(w)
}

// Hasten has what is watched under name polled now, but not more often than once a second.
func (p *Poller[T]) Hasten(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n, ok := p.interests[name]; ok {
		p.hasten(n.watch)
		p.poke()
	}
}

func (p *Poller[T]) hasten(w *watch[T]) {
	if probe := w.host.probe; w.host.closed && probe != nil && !w.running {
		w = probe // it shows whether there is any use in asking
	}
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
	soonest := later(p.opts.Now(), w.polled.Add(hastyGap))
	if w.host.closed {
		soonest = later(soonest, w.host.soonest())
	}
	return soonest
}

// Latest is what is known under that name; ok is false before the first poll has ended.
func (p *Poller[T]) Latest(name string) (latest Observation[T], ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n, ok := p.interests[name]
	if !ok || n.latest.Polled.IsZero() {
		return Observation[T]{}, false
	}
	return n.latest, true
}

// poke has the loop of Start look at the schedule again.
func (p *Poller[T]) poke() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}
