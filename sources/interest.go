package sources

import "time"

// interest is what one name wants of a watch, and what is known under it.
type interest[T any] struct {
	name     string
	watch    *watch[T]
	reading  string
	interval time.Duration
	latest   Observation[T]
}

// watchKey names what names share: a ref of a repository, asked with the same credentials.
type watchKey struct {
	url, ref    string
	credentials Credentials
	anonymous   bool
}

func (r Repository) key() watchKey {
	key := watchKey{url: r.URL, ref: r.ref(), anonymous: r.Credentials == nil}
	if r.Credentials != nil {
		key.credentials = *r.Credentials
	}
	return key
}

// join has n share the watch of the repository, or be the first of a new one, which is polled after the wait.
func (p *Poller[T]) join(n *interest[T], repo Repository, wait func() time.Duration) {
	p.interests[n.name] = n
	key := repo.key()
	w, shared := p.watches[key]
	if !shared {
		place, _ := PlaceOf(repo.URL)
		w = &watch[T]{
			place: place,
			key:   key, repo: repo, host: p.hostOf(repo.host()), interval: n.interval, index: -1,
			names: map[string]*interest[T]{}, began: p.opts.Now(),
		}
		p.watches[key] = w
		p.fresh++
		p.schedule.at(w, p.opts.Now().Add(wait()))
	}
	n.watch = w
	w.names[n.name] = n
	if shared {
		if w.host.closed {
			p.failFast(w, p.opts.Now())
		}
		p.adjustInterval(w)
		p.refresh(w)
	}
}

// leave ends the interest, and with the last one the watch.
func (p *Poller[T]) leave(n *interest[T]) {
	delete(p.interests, n.name)
	delete(n.watch.names, n.name)
	if len(n.watch.names) == 0 {
		p.drop(n.watch)
		return
	}
	p.adjustInterval(n.watch)
}

// adjust takes over another reading or interval.
func (p *Poller[T]) adjust(n *interest[T], reading string, interval time.Duration) {
	if n.reading != reading {
		n.reading = reading
		p.refresh(n.watch)
	}
	if n.interval != interval {
		n.interval = interval
		p.adjustInterval(n.watch)
	}
}

// refresh has w polled soon because of what a name wants now; the first poll comes when it comes.
func (p *Poller[T]) refresh(w *watch[T]) {
	if w.running || !w.polled.IsZero() {
		p.hasten(w)
	}
}

// adjustInterval makes the interval of w the shortest of its names'. A longer one holds from the next poll on.
func (p *Poller[T]) adjustInterval(w *watch[T]) {
	shortest := time.Duration(0)
	for _, n := range w.names {
		if shortest == 0 || n.interval < shortest {
			shortest = n.interval
		}
	}
	if w.interval == shortest {
		return
	}
	w.interval = shortest
	now := p.opts.Now()
	if soonest := now.Add(p.delay(w, now)); w.index >= 0 && w.host.probe != w && soonest.Before(w.due) {
		p.schedule.at(w, soonest)
	}
}
