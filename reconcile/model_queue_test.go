package reconcile

import (
	"time"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// modelQueue is a controller's work queue in virtual time, as controller-runtime's priority queue is: an item is in it once,
// and what was to come later comes now when it is added now.
type modelQueue struct {
	clock   *modelClock
	limiter workqueue.TypedRateLimiter[reconcile.Request]
	items   map[reconcile.Request]*queued
	ready   []reconcile.Request
	working map[reconcile.Request]bool
}

// queued is an item that is not being worked on. At is zero when it is ready.
type queued struct{ at time.Time }

func newModelQueue(clock *modelClock) *modelQueue {
	return &modelQueue{
		clock:   clock,
		limiter: workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstBackoff, lastBackoff),
		items:   make(map[reconcile.Request]*queued),
		working: make(map[reconcile.Request]bool),
	}
}

func (q *modelQueue) Add(item reconcile.Request) {
	if there := q.items[item]; there != nil && there.at.IsZero() {
		return
	}
	q.items[item] = &queued{}
	q.ready = append(q.ready, item)
}

func (q *modelQueue) AddAfter(item reconcile.Request, after time.Duration) {
	if after <= 0 {
		q.Add(item)
		return
	}
	at := q.clock.now.Add(after)
	if there := q.items[item]; there != nil && !there.at.After(at) {
		return
	}
	waiting := &queued{at}
	q.items[item] = waiting
	q.clock.at(at, func() {
		if q.items[item] == waiting {
			q.Add(item)
		}
	})
}

func (q *modelQueue) AddRateLimited(item reconcile.Request) { q.AddAfter(item, q.limiter.When(item)) }
func (q *modelQueue) Forget(item reconcile.Request)         { q.limiter.Forget(item) }
func (q *modelQueue) NumRequeues(item reconcile.Request) int {
	return q.limiter.NumRequeues(item)
}

// next is the first item that is ready and that nobody works on.
func (q *modelQueue) next() (reconcile.Request, bool) {
	for at, item := range q.ready {
		if !q.working[item] {
			q.ready = append(q.ready[:at:at], q.ready[at+1:]...)
			delete(q.items, item)
			q.working[item] = true
			return item, true
		}
	}
	return reconcile.Request{}, false
}

func (q *modelQueue) Done(item reconcile.Request) { delete(q.working, item) }

// Get, Len and the ways to shut down are for workers of a real queue.
func (q *modelQueue) Get() (reconcile.Request, bool) { panic("the model takes work by next") }
func (q *modelQueue) Len() int                       { return len(q.ready) }
func (q *modelQueue) ShutDown()                      {}
func (q *modelQueue) ShutDownWithDrain()             {}
func (q *modelQueue) ShuttingDown() bool             { return false }

// Interface guard.
var _ workQueue = (*modelQueue)(nil)
