package build

import (
	"context"
	"sync"
	"time"
)

// Errands run what takes long, beside the workers: no worker waits for a registry or for a log. There is one at a time for each
// build; when it is done, the tool is woken and its next Step takes the result.
type Errands struct {
	// Wake has a tool looked at; nil when whoever asks comes again by itself.
	Wake func(tool string)
	// Run starts an errand; nil for a goroutine of its own.
	Run func(errand func())

	slots chan struct{}
	mu    sync.Mutex
	under map[place]*errand
}

// place is where a build's errand is: that of a tool's build of a name.
type place struct{ tool, name string }

type errand struct {
	what   string
	done   bool
	result any
}

// errandTime bounds one errand, also the time it waits for others.
const errandTime = 2 * time.Minute

// NewErrands runs so many errands at the same time, at least 1.
func NewErrands(atOnce int, wake func(tool string)) *Errands {
	return &Errands{Wake: wake, slots: make(chan struct{}, atOnce), under: make(map[place]*errand)}
}

// ask returns the result of an errand, which it starts when it was not started yet. What names all that the result depends on:
// another errand of the same build takes the place of one before. A result is returned once.
func (e *Errands) ask(at place, what string, do func(context.Context) any) (result any, done bool) {
	e.mu.Lock()
	under := e.under[at]
	if under == nil || under.what != what {
		under = &errand{what: what}
		e.under[at] = under
		e.mu.Unlock()
		e.start(at, under, do)
		e.mu.Lock()
	}
	defer e.mu.Unlock()
	if !under.done {
		return nil, false
	}
	if e.under[at] == under {
		delete(e.under, at)
	}
	return under.result, true
}

func (e *Errands) start(at place, under *errand, do func(context.Context) any) {
	run := e.Run
	if run == nil {
		run = func(errand func()) { go errand() }
	}
	run(func() {
		// Not that of the worker's: it has gone on.
		ctx, cancel := context.WithTimeout(context.Background(), errandTime)
		defer cancel()
		var result any
		select {
		case e.slots <- struct{}{}:
			result = do(ctx)
			<-e.slots
		case <-ctx.Done():
			result = do(ctx) // which says so
		}
		e.mu.Lock()
		under.done, under.result = true, result
		current := e.under[at] == under
		e.mu.Unlock()
		if current && e.Wake != nil {
			e.Wake(at.tool)
		}
	})
}

// drop forgets an errand of which nobody wants the result any more.
func (e *Errands) drop(at place) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.under, at)
}

// Forget drops what was asked for a tool that is gone.
func (e *Errands) Forget(tool string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for at := range e.under {
		if at.tool == tool {
			delete(e.under, at)
		}
	}
}
