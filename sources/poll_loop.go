package sources

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Start polls until ctx ends, then waits for the polls that run and returns nil. It is called once.
func (p *Poller[T]) Start(ctx context.Context) error {
	var polls sync.WaitGroup
	defer polls.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		case <-p.wake:
		}
		timer.Reset(p.dispatch(ctx, &polls))
	}
}

// idle is how long the loop sleeps when nothing is due that it could start; a change wakes it earlier.
const idle = time.Hour

// dispatch starts the polls that are due, within the bounds, and returns how long nothing else is.
func (p *Poller[T]) dispatch(ctx context.Context, polls *sync.WaitGroup) time.Duration {
	defer p.tell()
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opts.Now()
	for p.running < p.opts.Workers {
		w := p.schedule.next()
		if w == nil {
			return idle
		}
		if wait := w.due.Sub(now); wait > 0 {
			return wait
		}
		p.schedule.remove(w)
		if p.place(w, now) {
			p.begin(ctx, w, polls)
		}
	}
	return idle
}

// tell notifies of what was observed, without the lock.
func (p *Poller[T]) tell() {
	p.mu.Lock()
	told := p.told
	p.told = nil
	p.mu.Unlock()
	slices.Sort(told)
	for _, name := range told {
		p.notify(name)
	}
}

// begin runs a poll of w in a goroutine of its own.
func (p *Poller[T]) begin(ctx context.Context, w *watch[T], polls *sync.WaitGroup) {
	asking, cancel := context.WithTimeout(ctx, p.opts.Timeout)
	p.running++
	w.host.running++
	w.running, w.cancel = true, cancel
	p.slow.begin(w)
	began := p.opts.Now()
	polls.Go(func() {
		defer cancel()
		defer p.release(w)
		result := p.ask(asking, w, w.repo)
		if ctx.Err() != nil {
			return // what ends with the poller says nothing about the repository
		}
		p.finish(w, result, began)
		p.tell()
	})
}

// finish writes down what came of a poll.
func (p *Poller[T]) finish(w *watch[T], result poll[T], began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watches[w.key] != w {
		return // forgotten
	}
	if w.polled.IsZero() {
		p.fresh--
	}
	w.polled = p.opts.Now()
	if result.seen != "" {
		w.noticed(result.seen, began)
	}
	w.slow = w.polled.Sub(began) > slowPoll
	down := w.host.closed
	p.judge(w, result, w.polled)
	good, failed, untried := 0, 0, 0
	for _, n := range w.names {
		got, ok := result.of(n.reading)
		switch {
		case !ok:
			untried++
			continue
		case got.err != nil:
			failed++
		default:
			good++
		}
		p.observe(n, result.seen, got, w.polled)
	}
	// One name's reading that fails does not have the others wait. What a host's trouble is, is not the repository's too.
	switch {
	case good > 0:
		w.failures = 0
	case failed > 0 && !(down && w.host.closed):
		w.failures++
	}
	// What there was no time for is read at once, unless it may be that nothing ends in time.
	w.again = w.again || untried > 0 && failed == 0
}

// observe has n know what came of a poll, and told if that is news.
func (p *Poller[T]) observe(n *interest[T], seen string, got outcome[T], now time.Time) {
	before := n.latest
	n.latest = before.after(seen, n.reading, got, now)
	if !before.differs(n.latest) {
		return
	}
	p.told = append(p.told, n.name)
	if err := n.latest.Err; err != nil {
		p.opts.Logger.Warn("repository cannot be read", "name", n.name, "repository", n.watch.repo.String(), "error", err)
	}
}

// release gives back the worker and the host's place, and puts w and what waited for the host into the schedule.
func (p *Poller[T]) release(w *watch[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h := w.host
	p.running--
	h.running--
	w.running, w.cancel = false, nil
	if next := p.slow.end(w); next != nil {
		p.schedule.at(next, next.due)
	}
	if p.watches[w.key] == w {
		if h.probe == w {
			h.probe = nil // the poller ends
		}
		p.reschedule(w)
	}
	p.tidy(h)
	p.admit(h)
	p.poke()
}

func (p *Poller[T]) reschedule(w *watch[T]) {
	now := p.opts.Now()
	due := now.Add(p.delay(w, now))
	if w.again {
		w.again = false
		due = p.soonest(w)
	}
	p.schedule.at(w, due)
}
