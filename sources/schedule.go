package sources

import (
	"container/heap"
	"context"
	"time"
)

// watch is one ref of one repository, asked with the same credentials for every name that wants it, and its place in
// the schedule.
type watch[T any] struct {
	key      watchKey
	repo     Repository
	host     *host[T]
	place    Place
	names    map[string]*interest[T]
	interval time.Duration // the shortest of its names'

	due      time.Time
	index    int // in the heap, -1 when not in it
	running  bool
	cancel   context.CancelFunc // of the running poll
	again    bool               // once more after the running one
	failures int                // in a row
	polled   time.Time          // when the last poll ended

	slow   bool // its last poll took long
	inLane bool // the one that runs has a place in the slow lane

	began   time.Time // when it was first watched
	looked  time.Time // when the last poll began that saw what the ref named
	seen    string    // the commit that it named
	changed time.Time // when it was first seen at that commit
	pushed  bool      // it was seen at another one before
}

// schedule orders watches by the time they are due.
type schedule[T any] []*watch[T]

var _ heap.Interface = (*schedule[int])(nil)

func (s schedule[T]) Len() int           { return len(s) }
func (s schedule[T]) Less(i, j int) bool { return s[i].due.Before(s[j].due) }

func (s schedule[T]) Swap(i, j int) {
	s[i], s[j] = s[j], s[i]
	s[i].index, s[j].index = i, j
}

// Push is heap's.
func (s *schedule[T]) Push(x any) {
	w := x.(*watch[T])
	w.index = len(*s)
	*s = append(*s, w)
}

// Pop is heap's.
func (s *schedule[T]) Pop() any {
	last := len(*s) - 1
	w := (*s)[last]
	(*s)[last] = nil
	*s = (*s)[:last]
	w.index = -1
	return w
}

// at puts w into the schedule, or moves it in it.
func (s *schedule[T]) at(w *watch[T], due time.Time) {
	w.due = due
	if w.index >= 0 {
		heap.Fix(s, w.index)
		return
	}
	heap.Push(s, w)
}

// remove takes w out of the schedule.
func (s *schedule[T]) remove(w *watch[T]) {
	if w.index >= 0 {
		heap.Remove(s, w.index)
	}
}

// next is the watch that is due first, or nil.
func (s schedule[T]) next() *watch[T] {
	if len(s) == 0 {
		return nil
	}
	return s[0]
}
