package reconcile

import (
	"container/heap"
	"time"
)

// modelClock is virtual time and what will happen in it. Of two events at the same time, the one that was put in first
// happens first.
type modelClock struct {
	now    time.Time
	events eventHeap
	count  int
}

type modelEvent struct {
	at     time.Time
	number int
	happen func()
}

func (c *modelClock) after(delay time.Duration, happen func()) { c.at(c.now.Add(delay), happen) }

func (c *modelClock) at(at time.Time, happen func()) {
	c.count++
	heap.Push(&c.events, modelEvent{at, c.count, happen})
}

// next takes the first event that happens until then, and moves the time to it.
func (c *modelClock) next(until time.Time) (modelEvent, bool) {
	if len(c.events) == 0 || c.events[0].at.After(until) {
		return modelEvent{}, false
	}
	event := heap.Pop(&c.events).(modelEvent)
	if event.at.After(c.now) {
		c.now = event.at
	}
	return event, true
}

type eventHeap []modelEvent

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].number < h[j].number
	}
	return h[i].at.Before(h[j].at)
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(modelEvent)) }
func (h *eventHeap) Pop() any {
	last := len(*h) - 1
	event := (*h)[last]
	(*h)[last] = modelEvent{}
	*h = (*h)[:last]
	return event
}
