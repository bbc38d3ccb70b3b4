package sources

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// script is a source whose answers a test sets. Each answer takes as long as delay says.
type script struct {
	mu       sync.Mutex
	commits  map[string]string // by URL
	fails    map[string]error
	down     map[string]func(Repository) error // by host
	delay    map[string]time.Duration          // by host
	resolved []string                          // URLs, in the order they were asked
	opened   []string
	busy     map[string]int // polls running, by host
	busiest  map[string]int
}

func newScript() *script {
	return &script{
		commits: map[string]string{}, fails: map[string]error{}, delay: map[string]time.Duration{}, down: map[string]func(Repository) error{},
		busy: map[string]int{}, busiest: map[string]int{},
	}
}

func (s *script) Resolve(ctx context.Context, repo Repository) (string, error) {
	s.mu.Lock()
	host := repo.host()
	s.resolved = append(s.resolved, repo.URL)
	s.busy[host]++
	s.busiest[host] = max(s.busiest[host], s.busy[host])
	s.busiest[""] = max(s.busiest[""], s.busy[host])
	wait := s.delay[host]
	s.mu.Unlock()
	select {
	case <-time.After(wait):
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.busy[host]--
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if down := s.down[host]; down != nil {
		return "", down(repo)
	}
	if err := s.fails[repo.URL]; err != nil {
		return "", err
	}
	return s.commits[repo.URL], nil
}

func (s *script) Open(_ context.Context, repo Repository, commit string) (*Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opened = append(s.opened, commit)
	return &Snapshot{repo: repo, commit: plumbing.NewHash(commit)}, nil
}

func (s *script) set(url, commit string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits[url], s.fails[url] = commit, err
}

// setDown has a host answer nothing but errors, or with nil be well again.
func (s *script) setDown(host string, err func(Repository) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[host] = err
}

// busiestOf returns how many polls of a host ran at once, at most, since the last call.
func (s *script) busiestOf(host string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.busiest[host]
	s.busiest[host] = 0
	return n
}

// asked returns how often url was asked since the last call, or anything when url is empty.
func (s *script) asked(url string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	s.resolved = slices.DeleteFunc(s.resolved, func(u string) bool {
		if u == url || url == "" {
			n++
			return true
		}
		return false
	})
	return n
}

func (s *script) reads() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	opened := s.opened
	s.opened = nil
	return opened
}

// bench is a poller under test in virtual time, without chance.
type bench struct {
	*Poller[string]
	t      *testing.T
	source *script
	mu     sync.Mutex
	told   []string
	read   []string // the first digit of a commit, and the reading
	broken error    // what reading ends with
	// brokenReading is the only one that is broken; empty for all.
	brokenReading string
}

const hour = time.Hour

func startPoller(t *testing.T, opts PollerOptions) *bench {
	t.Helper()
	b := &bench{t: t, source: newScript()}
	if opts.Random == nil {
		opts.Random = func() float64 { return 0 }
	}
	read := func(_ context.Context, s *Snapshot, reading string) (string, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.read = append(b.read, s.Commit()[:1]+reading)
		if b.broken != nil && (b.brokenReading == "" || b.brokenReading == reading) {
			return "", b.broken
		}
		return "value of " + s.Commit()[:1] + reading, nil
	}
	b.Poller = NewPoller(b.source, read, func(name string) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.told = append(b.told, name)
	}, opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Start: %v", err)
		}
	})
	return b
}

func (b *bench) breakReading(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.broken = err
}

// pass lets virtual time pass and everything that is due happen.
func (b *bench) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// readings returns what was read since the last call, sorted.
func (b *bench) readings() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	read := b.read
	b.read = nil
	slices.Sort(read)
	return read
}

// notified returns the names notify was called with since the last call.
func (b *bench) notified() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	told := b.told
	b.told = nil
	return told
}

func (b *bench) wantTold(what string, names ...string) {
	b.t.Helper()
	if got := b.notified(); !slices.Equal(got, names) {
		b.t.Errorf("%s: notified %q, want %q", what, got, names)
	}
}

func (b *bench) latest(name string) Observation[string] {
	b.t.Helper()
	o, ok := b.Latest(name)
	if !ok {
		b.t.Fatalf("nothing is known of %q", name)
	}
	return o
}

func id(digit string) string { return fmt.Sprintf("%s%039d", digit, 0) }

const (
	url1 = "http://one.example/tool"
	url2 = "http://two.example/tool"
)
