package report

import (
	"slices"
	"sync"
	"time"
)

const (
	// maxEvents is how many events one mail tells of; of more it tells how many.
	maxEvents = 100
	// remembered is for how long it is known what was told, beyond what is written down: until the cache shows that.
	remembered = time.Hour
)

// outbox holds what is to be told, by tool. It is safe for concurrent use, but of one tool by one at a time.
type outbox struct {
	mu    sync.Mutex
	tools map[string]*box
}

// box is one tool's.
type box struct {
	events []event
	// more is how many there are beyond maxEvents.
	more int
	// told is when each event was told that is not waiting any more.
	told map[string]time.Time
	// last is when the last mail went out.
	last time.Time
	// claims are not written down yet, of events that were told.
	claims []event
}

func newOutbox() *outbox { return &outbox{tools: make(map[string]*box)} }

// of is a tool's box. What was told too long ago is forgotten, and what could not be told in all that time.
func (o *outbox) of(tool string, now time.Time) *box {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.tools[tool]
	if b == nil {
		b = &box{told: make(map[string]time.Time)}
		o.tools[tool] = b
	}
	for key, at := range b.told {
		if now.Sub(at) > remembered {
			delete(b.told, key)
		}
	}
	b.events = slices.DeleteFunc(b.events, func(e event) bool { return now.Sub(e.at) > tooOld })
	return b
}

func (o *outbox) forget(tool string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.tools, tool)
}

// knows tells whether an event waits, or was told.
func (b *box) knows(key string) bool {
	_, told := b.told[key]
	return told || slices.ContainsFunc(b.events, func(e event) bool { return e.key == key })
}

// add has an event wait for the next mail.
func (b *box) add(e event, now time.Time) {
	if b.knows(e.key) {
		return
	}
	if e.replaces != "" {
		b.events = slices.DeleteFunc(b.events, func(other event) bool { return other.replaces == e.replaces })
	}
	switch {
	case len(b.events) < maxEvents:
		b.events = append(b.events, e)
	default:
		b.more++
		b.told[e.key] = now
		b.claims = append(b.claims, e)
	}
}

// wait is how long the next mail has to wait so that there is one in each interval at most.
func (b *box) wait(now time.Time, interval time.Duration) time.Duration {
	if b.last.IsZero() {
		return 0
	}
	return max(0, interval-now.Sub(b.last))
}

// sent notes that a mail told of all that waited.
func (b *box) sent(now time.Time) {
	for _, e := range b.events {
		b.told[e.key] = now
	}
	b.claims = append(b.claims, b.events...)
	b.events, b.more, b.last = nil, 0, now
}
