package sources

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// breakAfter is of how many repositories of a host polls have to fail, with none in between that the host answers, until
	// nothing but a probe is sent to it; of a host with fewer repositories, all.
	breakAfter = 3
	// probeFirst and probeMost bound the wait between two probes of a host that does not answer. A host with few repositories
	// is probed no more often than they would be tried again one by one: retryMost divided by their number.
	probeFirst = 5 * time.Second
	probeMost  = 30 * time.Second
	// busyFirst and busyMost bound how long a host is left alone that answers that it has too much to do and not until when.
	busyFirst = 30 * time.Second
	busyMost  = 10 * time.Minute
	// reopenWithin is over how long, or over their interval if that is shorter, the repositories are spread that waited for
	// a host.
	reopenWithin = time.Minute
)

// host is a git server as far as polls know it, and what waits for it. The Poller's lock guards it.
type host[T any] struct {
	name    string
	watches int
	running int         // polls
	budget  int         // how many polls may run at once now
	waiting []*watch[T] // due, longest first

	// closed: nothing is sent but one probe at a time, and none before next.
	closed bool
	next   time.Time
	probe  *watch[T] // the one that is in the schedule or runs

	faults int                    // polls in a row that the host did not answer
	faulty map[*watch[T]]struct{} // whose they were, at most breakAfter
	probes int                    // in a row, without an answer
	busy   int                    // answers in a row that it has too much to do
	since  time.Time              // when the first of these happened
	err    error                  // the last of them
	errOf  Repository
	asked  time.Time // when the last poll of it ended
}

// hostOf is the host of that name, which has one watch more now.
func (p *Poller[T]) hostOf(name string) *host[T] {
	h := p.hosts[name]
	if h == nil {
		h = &host[T]{name: name, budget: p.opts.PerHost, faulty: map[*watch[T]]struct{}{}}
		p.hosts[name] = h
	}
	h.watches++
	return h
}

// without takes w out of what its host waits for, and forgets a host that nothing is of.
func (p *Poller[T]) without(w *watch[T]) {
	h := w.host
	h.watches--
	delete(h.faulty, w)
	p.slow.remove(w)
	if i := slices.Index(h.waiting, w); i >= 0 {
		h.waiting = slices.Delete(h.waiting, i, i+1)
	}
	if h.probe == w {
		h.probe = nil
	}
	p.tidy(h)
	p.admit(h)
}

func (p *Poller[T]) tidy(h *host[T]) {
	if h.watches == 0 && h.running == 0 && p.hosts[h.name] == h {
		delete(p.hosts, h.name)
	}
}

// place says what becomes of w, which is due: it may be polled (true), or waits, as the probe or behind others.
func (p *Poller[T]) place(w *watch[T], now time.Time) (poll bool) {
	h := w.host
	switch {
	case h.closed && h.probe == nil:
		h.probe = w
		if now.Before(h.next) {
			p.schedule.at(w, h.next)
			p.failFast(w, now)
			return false
		}
	case h.closed && h.probe != w:
		h.waiting = append(h.waiting, w)
		p.failFast(w, now)
		return false
	}
	if h.running >= h.budget && h.probe != w {
		h.waiting = append(h.waiting, w)
		return false
	}
	return p.slow.admits(w, p.opts.Workers/2)
}

// admit puts what may be polled next, of what waits for h, into the schedule.
func (p *Poller[T]) admit(h *host[T]) {
	if h.closed {
		if h.probe == nil && len(h.waiting) > 0 {
			w := h.shift()
			h.probe = w
			p.schedule.at(w, later(h.next, w.due))
		}
		return
	}
	for room := h.budget - h.running; room > 0 && len(h.waiting) > 0; room-- {
		w := h.shift()
		p.schedule.at(w, w.due)
	}
}

func (h *host[T]) shift() *watch[T] {
	w := h.waiting[0]
	h.waiting = slices.Delete(h.waiting, 0, 1)
	return w
}

// judge takes from the end of a poll of w what it says about the host.
func (p *Poller[T]) judge(w *watch[T], result poll[T], now time.Time) {
	h := w.host
	h.asked = now
	if h.probe == w {
		h.probe = nil
	}
	err := result.lastError()
	var busy *busyError
	switch {
	case errors.Is(err, context.Canceled):
	case errors.As(err, &busy) && busy.host == h.name:
		h.failed(w, err, now)
		h.busy++
		p.shut(h, now, min(busyFirst<<min(h.busy-1, 10), busyMost), busy)
	case result.seen == "" && hostFault(err):
		h.failed(w, err, now)
		h.faults++
		h.budget = max(1, h.budget/2)
		if len(h.faulty) < breakAfter {
			h.faulty[w] = struct{}{}
		}
		if h.closed || len(h.faulty) >= min(breakAfter, h.watches) {
			h.probes++
			p.shut(h, now, p.probeWait(h), nil)
		}
	default:
		p.answered(h, now)
	}
}

// hostFault tells whether err says that no answer came from the host, rather than something about the repository.
func hostFault(err error) bool {
	return errors.Is(err, ErrUnreachable) || errors.Is(err, context.DeadlineExceeded)
}

func (h *host[T]) failed(w *watch[T], err error, now time.Time) {
	if h.err == nil {
		h.since = now
	}
	h.err, h.errOf = err, w.repo
}

// probeWait is the time until the next probe: twice as long each time, within bounds that go by how much there is to ask.
func (p *Poller[T]) probeWait(h *host[T]) time.Duration {
	most := max(probeMost, retryMost/time.Duration(max(1, h.watches)))
	wait := min(probeFirst<<min(h.probes-1, 10), most)
	return wait - time.Duration(p.opts.Random()*spread*float64(wait))
}

// shut sends nothing to h for so long, or for as long as it asks for, if it does, and then a probe.
func (p *Poller[T]) shut(h *host[T], now time.Time, wait time.Duration, busy *busyError) {
	if busy != nil {
		if asked, ok := busy.wait(now); ok {
			wait = asked
		}
	}
	h.next = later(now.Add(wait), h.next)
	if !h.closed {
		h.closed = true
		p.opts.Logger.Warn("git server is left alone", "host", h.name, "error", h.err)
		for _, w := range h.waiting {
			p.failFast(w, now)
		}
	}
}

// answered: the host is well. What waited for it is spread, so that it does not all come at once, and few polls run at
// once until more were answered.
func (p *Poller[T]) answered(h *host[T], now time.Time) {
	h.faults, h.probes, h.busy, h.err, h.since = 0, 0, 0, nil, time.Time{}
	clear(h.faulty)
	if !h.closed {
		h.budget = min(h.budget+1, p.opts.PerHost)
		return
	}
	h.closed, h.budget, h.next = false, 1, time.Time{}
	p.opts.Logger.Info("git server answers again", "host", h.name, "waiting", len(h.waiting))
	waiting := h.waiting
	h.waiting = nil
	if h.probe != nil {
		waiting = append(waiting, h.probe)
		p.schedule.remove(h.probe)
		p.slow.remove(h.probe)
		h.probe = nil
	}
	for _, w := range waiting {
		p.schedule.at(w, now.Add(time.Duration(p.opts.Random()*float64(min(p.pace(w, now), reopenWithin)))))
	}
}

// failFast has the names of w know that its host does not answer, without asking. They are told what a poll would have
// said. Those that are known well are not troubled when the host has only asked for a pause.
func (p *Poller[T]) failFast(w *watch[T], now time.Time) {
	if w.host.err == nil {
		return
	}
	err := &elsewhereError{cause: w.host.err, of: displayURL(w.host.errOf.URL), at: displayURL(w.repo.URL)}
	for _, n := range w.names {
		if w.host.busy > 0 && !n.latest.Polled.IsZero() {
			continue
		}
		p.observe(n, "", outcome[T]{err: err}, now)
	}
}

// soonest is when a host that is closed may be probed because of somebody's wish.
func (h *host[T]) soonest() time.Time {
	if h.busy > 0 {
		return h.next
	}
	return h.asked.Add(probeFirst)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// state is the host in a word: see HostReport.
func (h *host[T]) state() string {
	switch {
	case h.closed && h.busy > 0:
		return HostPaused
	case h.closed:
		return HostDown
	}
	return cmp.Or(map[bool]string{true: HostFailing}[h.err != nil], HostWell)
}
