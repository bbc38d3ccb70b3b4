package sources

import (
	"slices"
	"time"
)

// slowPoll is how long a poll may take without being called slow.
const slowPoll = 2 * time.Second

// lane bounds how many polls run at once of those repositories whose last poll took long, so that servers that take as
// long as they may cannot take all workers, however many hosts they seem to be.
type lane[T any] struct {
	running int
	waiting []*watch[T]
}

// admits says whether w, which is due, may be polled when most slow ones may be at once, or has it wait.
func (l *lane[T]) admits(w *watch[T], most int) bool {
	if !w.slow || l.running < max(1, most) {
		return true
	}
	l.waiting = append(l.waiting, w)
	return false
}

func (l *lane[T]) begin(w *watch[T]) {
	if w.inLane = w.slow; w.inLane {
		l.running++
	}
}

// end gives the place back, and returns who may have it next, or nil.
func (l *lane[T]) end(w *watch[T]) (next *watch[T]) {
	if !w.inLane {
		return nil
	}
	w.inLane = false
	l.running--
	if len(l.waiting) == 0 {
		return nil
	}
	next = l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	return next
}

func (l *lane[T]) remove(w *watch[T]) {
	if i := slices.Index(l.waiting, w); i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
}
