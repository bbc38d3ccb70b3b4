package build

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	// passedOver is how long a build may leave its turn unused before others take it: its daemon does not run, for example.
	passedOver = 30 * time.Second
	// claimed is how long a turn that was taken counts as running, when nothing shows that yet.
	claimed = time.Minute
)

// turns is what a daemon remembers of the queue: nothing that another one would miss. The zero value remembers nothing.
type turns struct {
	mu sync.Mutex
	// taken are the turns that were taken by this daemon and that records and pods do not show yet, offered those that
	// others did not take, with the times.
	taken, offered map[turnID]time.Time
}

type turnID struct{ tool, name, key string }

func idOf(b queue.Build) turnID { return turnID{b.Tool, b.Name, b.Key} }

// turn tells whether it is a build's turn to begin, and takes it then; else why not.
func (b *Builds) turn(ctx context.Context, r Request, record *api.Build, take bool) (string, bool, error) {
	t := &b.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	now := b.Now()
	own := queue.Build{Tool: r.Tool, Name: r.Name, Key: record.Key, Automatic: record.Automatic, QueuedAt: now}
	if record.QueuedAt != nil {
		own.QueuedAt = record.QueuedAt.Time
	}
	q, err := b.queue(ctx, own, now)
	if err != nil {
		return "", false, err
	}
	for _, next := range t.offer(&q, b.Config.bounds(), own, now) {
		if idOf(next) != idOf(own) {
			continue
		}
		if take {
			t.taken[idOf(own)] = now
		}
		return "", true, nil
	}
	for _, waits := range q.Waiting {
		if idOf(waits) == idOf(own) && waits.Held {
			return "waits until the build of an older commit has ended", false, nil
		}
	}
	return fmt.Sprintf("waits for its turn: at most %d builds run at the same time, %d of one tool", b.Config.bounds().Platform, b.Config.bounds().Tool), false, nil
}

// release gives a turn back that could not be used, or whose build has ended.
func (b *Builds) release(tool, name, key string) {
	b.turns.mu.Lock()
	defer b.turns.mu.Unlock()
	delete(b.turns.taken, turnID{tool, name, key})
}

// queue is that of the records, with what is known beyond them: what runs, and the build that asks.
func (b *Builds) queue(ctx context.Context, own queue.Build, now time.Time) (queue.Queue, error) {
	var tools api.ToolList
	if err := b.Tools.List(ctx, &tools, client.UnsafeDisableDeepCopy); err != nil {
		return queue.Queue{}, fmt.Errorf("list tools: %w", err)
	}
	q := queue.Of(tools.Items, now)
	q.Forget(own)
	running, err := b.Engine.Running(ctx)
	if err != nil {
		return queue.Queue{}, err
	}
	for _, build := range running {
		q.Run(build)
	}
	t := &b.turns
	if t.taken == nil {
		t.taken = make(map[turnID]time.Time)
	}
	for _, build := range q.Running {
		delete(t.taken, idOf(build)) // now others see it too
	}
	delete(t.taken, idOf(own))
	for id, at := range t.taken {
		if now.Sub(at) > claimed {
			delete(t.taken, id)
			continue
		}
		q.Run(queue.Build{Tool: id.tool, Name: id.name, Key: id.key})
	}
	q.Wait(own)
	return q, nil
}

// offer are the turns, without those that have been left unused for too long.
func (t *turns) offer(q *queue.Queue, bounds queue.Bounds, own queue.Build, now time.Time) []queue.Build {
	offered := make(map[turnID]time.Time)
	for {
		next, late := q.Turns(bounds), false
		for _, build := range next {
			id := idOf(build)
			since, before := t.offered[id]
			if !before {
				since = now
			}
			offered[id] = since
			if id != idOf(own) && now.Sub(since) > passedOver {
				late = true
				q.Forget(build)
			}
		}
		if !late {
			t.offered = offered
			return next
		}
	}
}
