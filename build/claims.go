package build

import (
	"errors"
	"sync"
	"time"
)

// Claims keep images from being removed that a build is about to use. Both happen in the daemon that leads a tool's shard, so
// that they are in its memory. Nil claims nothing. They are safe for concurrent use.
//
// The order is what makes it safe. A build claims a tag before it asks for it, again when it is answered, and again when it takes the
// answer, and the claim is over when the tool's status has it, or after a time that no write of a status takes. Who removes takes the
// tag first, which fails while it is claimed, and reads the status from the API server after that: either it sees the record, or the
// build finds the tag taken and asks again.
type Claims struct {
	Now func() time.Time

	mu      sync.Mutex
	claimed map[string]time.Time
	leaving map[string]bool
}

const (
	// claimedFor is how long a build counts on what it was told is there: longer than any answer takes, and than any write of a status.
	claimedFor = 2 * time.Minute
	// answerFor is how long an answer is good for.
	answerFor = time.Minute
)

// errLeaving is the trouble of a build whose image goes at this moment.
var errLeaving = errors.New("the image is being removed, since nothing needed it")

// NewClaims returns claims that go by a clock.
func NewClaims(now func() time.Time) *Claims {
	return &Claims{Now: now, claimed: make(map[string]time.Time), leaving: make(map[string]bool)}
}

// claim has a tag stay for a while. It fails while the tag is being removed.
func (c *Claims) claim(tag string) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving[tag] {
		return errLeaving
	}
	now := c.Now()
	for other, at := range c.claimed {
		if now.Sub(at) > claimedFor {
			delete(c.claimed, other)
		}
	}
	c.claimed[tag] = now
	return nil
}

// drop ends a claim: what was claimed is in the tool's status.
func (c *Claims) drop(tag string) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.claimed, tag)
}

// Take has the tags, repository:tag, that nobody claims belong to the caller, who may remove them until it calls done.
func (c *Claims) Take(tags []string) (taken map[string]bool, done func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken = make(map[string]bool)
	for _, tag := range tags {
		if at, claimed := c.claimed[tag]; claimed && c.Now().Sub(at) <= claimedFor {
			continue
		}
		taken[tag], c.leaving[tag] = true, true
	}
	return taken, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for tag := range taken {
			delete(c.leaving, tag)
		}
	}
}
