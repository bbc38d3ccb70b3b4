package build

import (
	"sync"
	"time"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// doubts are about images that the records have and the registry may not have any more. Nothing is lost when they are: what gave
// rise to them does so again. The zero value has none.
type doubts struct {
	mu sync.Mutex
	// since is when each tool was doubted last, asked when the registry was asked for the image of a build for that.
	since map[string]time.Time
	asked map[place]time.Time
}

// doubtAgain is how long no new doubt of the same tool is listened to.
const doubtAgain = 5 * time.Minute

// Doubt has the registry asked, in the next Step, whether the images of a tool's builds are still there. One that is not is built
// again. The caller has the tool looked at then; it is false, and nothing is asked, when the last doubt was lately.
func (b *Builds) Doubt(tool string) bool {
	d := &b.doubts
	d.mu.Lock()
	defer d.mu.Unlock()
	now := b.Now()
	if at, doubted := d.since[tool]; doubted && now.Sub(at) < doubtAgain {
		return false
	}
	if d.since == nil {
		d.since, d.asked = make(map[string]time.Time), make(map[place]time.Time)
	}
	d.since[tool] = now
	return true
}

// of tells whether the image of a build is in doubt.
func (d *doubts) of(at place) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	since, doubted := d.since[at.tool]
	asked, before := d.asked[at]
	return doubted && (!before || asked.Before(since))
}

// settle notes that the registry has answered.
func (d *doubts) settle(at place, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[at] = now
}

func (d *doubts) forget(tool string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.since, tool)
	for at := range d.asked {
		if at.tool == tool {
			delete(d.asked, at)
		}
	}
}

// still goes on with a build that has succeeded: when its image is in doubt, by asking for it, and when it has gone, by opening the
// record again.
func (s *step) still() (reopened bool) {
	if !s.doubts.of(s.place()) {
		return false
	}
	found := s.lookup("doubted")
	if !found.done {
		return false
	}
	s.doubts.settle(s.place(), s.Now())
	switch {
	case found.err != nil: // whatever gave rise to the doubt does so again
	case !found.missing && found.built.Reference != s.record.Image:
		s.succeed(found.built) // the same inputs, made elsewhere
	case found.missing:
		s.record.Reason = "the registry does not have image " + s.record.Image + " any more"
		s.record.State, s.record.Automatic, s.record.QueuedAt = api.BuildWaiting, true, nil
		s.record.Image, s.record.Message, s.record.Log, s.record.FinishedAt = "", "", "", nil
		return true
	}
	return false
}
