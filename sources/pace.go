package sources

import "time"

const (
	// lively is for how long after a change a repository is asked at half its interval.
	lively = time.Hour
	// A repository in which nothing has changed for so long is asked at twice its interval, or four times.
	quietAfter   = 24 * time.Hour
	dormantAfter = 7 * 24 * time.Hour
)

// pace is the time between two polls of w as things are: its interval, which is the wish of those who watch it, by how
// lively its repository is, within the administrator's bounds. What was before the Poller started is not known.
func (p *Poller[T]) pace(w *watch[T], now time.Time) time.Duration {
	wait := w.interval
	switch still := now.Sub(w.changed); {
	case w.changed.IsZero():
	case w.pushed && still < lively:
		wait /= 2
	case still >= dormantAfter:
		wait *= 4
	case still >= quietAfter:
		wait *= 2
	}
	return min(max(wait, p.opts.MinInterval), p.opts.MaxInterval)
}

// noticed writes down which commit w was seen at, by a poll that began then.
func (w *watch[T]) noticed(commit string, began time.Time) {
	switch w.looked = began; {
	case w.seen == "":
		w.changed = began
	case w.seen != commit:
		w.changed, w.pushed = began, true
	}
	w.seen = commit
}

// delay is how long to wait after a poll: the pace, or after failures a time that doubles from retryFirst to retryMost
// (or the pace, if that is longer). A little of it is left to chance, so that watches spread.
func (p *Poller[T]) delay(w *watch[T], now time.Time) time.Duration {
	pace := p.pace(w, now)
	wait := pace
	if w.failures > 0 {
		most := max(pace, retryMost)
		wait = min(pace, retryFirst)
		for range w.failures - 1 {
			if wait *= 2; wait >= most {
				wait = most
				break
			}
		}
	}
	return wait - time.Duration(p.opts.Random()*spread*float64(wait))
}
