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
		if p.hosts[w.host] >= p.opts.PerHost {
			p.parked[w.host] = append(p.parked[w.host], w)
			continue
		}
		p.begin(ctx, w, polls)
	}
	return idle
}

// begin runs a poll of w in a goroutine of its own.
func (p *Poller[T]) begin(ctx context.Context, w *watch[T], polls *sync.WaitGroup) {
	asking, cancel := context.WithTimeout(ctx, p.opts.Timeout)
	p.running++
	p.hosts[w.host]++
	w.running, w.cancel = true, cancel
	polls.Go(func() {
		defer cancel()
		defer p.release(w)
		result := p.ask(asking, w, w.repo)
		if ctx.Err() != nil {
			return // what ends with the poller says nothing about the repository
		}
		for _, name := range p.finish(w, result) {
			p.notify(name)
		}
	})
}

// finish writes down what came of a poll, and returns the names that should be told, sorted.
func (p *Poller[T]) finish(w *watch[T], result poll[T]) (changed []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.watches[w.key] != w {
		return nil // forgotten
	}
	if w.polled.IsZero() {
		p.fresh--
	}
	w.polled = p.opts.Now()
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
		before := n.latest
		n.latest = before.after(result.seen, n.reading, got, w.polled)
		if before.differs(n.latest) {
			changed = append(changed, n.name)
			p.logFailure(n)
		}
	}
	// One name's reading that fails does not have the others wait.
	if good > 0 {
		w.failures = 0
	} else if failed > 0 {
		w.failures++
	}
	// What there was no time for is read at once, unless it may be that nothing ends in time.
	w.again = w.again || untried > 0 && failed == 0
	slices.Sort(changed)
	return changed
}

func (p *Poller[T]) logFailure(n *interest[T]) {
	if err := n.latest.Err; err != nil {
		p.opts.Logger.Warn("repository cannot be read", "name", n.name, "repository", n.watch.repo.String(), "error", err)
	}
}

// release gives back the worker and the host's place, and puts w and one that waited for the host into the schedule.
func (p *Poller[T]) release(w *watch[T]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running--
	if p.hosts[w.host]--; p.hosts[w.host] == 0 {
		delete(p.hosts, w.host)
	}
	w.running, w.cancel = false, nil
	if p.watches[w.key] == w {
		p.reschedule(w)
	}
	if waiting := p.parked[w.host]; len(waiting) > 0 {
		p.schedule.at(waiting[0], waiting[0].due)
		p.parked[w.host] = waiting[1:]
	} else {
		delete(p.parked, w.host)
	}
	p.poke()
}

func (p *Poller[T]) reschedule(w *watch[T]) {
	due := p.opts.Now().Add(w.delay(p.opts.Random))
	if w.again {
		w.again = false
		due = p.soonest(w)
	}
	p.schedule.at(w, due)
}
