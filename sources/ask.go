package sources

import (
	"context"
	"fmt"
)

// poll is what came of asking once.
type poll[T any] struct {
	seen     string // empty when resolving failed
	readings map[string]outcome[T]
	err      error // of the readings that are not there
}

// outcome is what one reading came to.
type outcome[T any] struct {
	value T
	err   error
}

// of is what came of a reading; ok is false when it was not tried.
func (p poll[T]) of(reading string) (got outcome[T], ok bool) {
	if got, ok := p.readings[reading]; ok {
		return got, true
	}
	return outcome[T]{err: p.err}, p.err != nil
}

// lastError is one of the errors, nil when there is none.
func (p poll[T]) lastError() error {
	for _, got := range p.readings {
		if got.err != nil {
			return got.err
		}
	}
	return p.err
}

// ask resolves the ref of w, and reads from the commit what is wanted and not known.
func (p *Poller[T]) ask(ctx context.Context, w *watch[T], repo Repository) (result poll[T]) {
	defer p.survive(repo, &result.err)
	if result.seen, result.err = p.source.Resolve(ctx, repo); result.err != nil {
		return result
	}
	known, missing := p.wanted(w, result.seen)
	result.readings = known
	if len(missing) == 0 {
		return result
	}
	var snapshot *Snapshot
	if snapshot, result.err = p.source.Open(ctx, repo, result.seen); result.err != nil {
		return result
	}
	for i, reading := range missing {
		got := p.readOne(ctx, snapshot, repo, reading)
		if i > 0 && got.err != nil && ctx.Err() != nil {
			break // the earlier ones took its time: it is tried again at once
		}
		result.readings[reading] = got
		if ctx.Err() != nil {
			break
		}
	}
	return result
}

func (p *Poller[T]) readOne(ctx context.Context, snapshot *Snapshot, repo Repository, reading string) (got outcome[T]) {
	defer p.survive(repo, &got.err)
	got.value, got.err = p.read(ctx, snapshot, reading)
	return got
}

// survive makes an error of a panic. What is read is a stranger's; a mistake in reading it must not end the daemon.
func (p *Poller[T]) survive(repo Repository, err *error) {
	if cause := recover(); cause != nil {
		p.opts.Logger.Error("reading a repository panicked", "repository", repo.String(), "cause", cause)
		*err = fmt.Errorf("reading %s failed: internal error", repo)
	}
}

// wanted is what the names of w want of the commit: what one of them has read already, and the other readings, shuffled,
// so that one that takes all the time is not always the first.
func (p *Poller[T]) wanted(w *watch[T], commit string) (known map[string]outcome[T], missing []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	known = map[string]outcome[T]{}
	for _, n := range w.names {
		if n.latest.Commit == commit {
			known[n.latest.Reading] = outcome[T]{value: n.latest.Value}
		}
	}
	asked := map[string]bool{}
	for _, n := range w.names {
		if _, ok := known[n.reading]; !ok && !asked[n.reading] {
			asked[n.reading] = true
			missing = append(missing, n.reading)
		}
	}
	for i := len(missing) - 1; i > 0; i-- {
		j := int(p.opts.Random() * float64(i+1))
		missing[i], missing[j] = missing[j], missing[i]
	}
	return known, missing
}
