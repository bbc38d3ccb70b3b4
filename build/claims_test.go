package build

import (
	"strings"
	"testing"
	"time"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// What a build was told is there is not removed before its record says so, and what is being removed is not counted on.
func TestClaims(t *testing.T) {
	b, r := newBench(t), testRequest()
	b.Claims = NewClaims(func() time.Time { return b.now })
	tag := b.Config.tag(r)
	b.shelf.images[tag] = registry.Built{Reference: "image@sha256:1"}

	taken, done := b.Claims.Take([]string{tag})
	if !taken[tag] {
		t.Fatal("a tag that nobody claims cannot be taken")
	}
	record := b.step(r, nil)
	b.wantRecord(record, api.BuildWaiting, 0)
	if !strings.Contains(record.Message, errLeaving.Error()) {
		t.Errorf("message %q", record.Message)
	}
	b.wantPods()
	done()

	b.now = b.now.Add(time.Minute)
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildSucceeded, 0)
	if taken, _ := b.Claims.Take([]string{tag}); taken[tag] {
		t.Error("a tag can be taken before the record is written")
	}
	b.now = b.now.Add(claimedFor)
	if taken, done := b.Claims.Take([]string{tag, "another"}); taken[tag] || !taken["another"] {
		t.Errorf("taken: %v", taken)
	} else {
		done()
	}
	b.now = b.now.Add(time.Second)
	if taken, done := b.Claims.Take([]string{tag}); !taken[tag] {
		t.Error("a claim has no end")
	} else {
		done()
	}
	if err := b.Claims.claim(tag); err != nil {
		t.Fatal(err)
	}
	b.wantRecord(b.step(r, &record), api.BuildSucceeded, 0)
	if taken, _ := b.Claims.Take([]string{tag}); !taken[tag] {
		t.Error("what is written down is still claimed")
	}
}

// An answer that nobody took for long is not believed: what it speaks of may be gone.
func TestOldAnswer(t *testing.T) {
	b, r := newBench(t), testRequest()
	b.Claims = NewClaims(func() time.Time { return b.now })
	b.shelf.images[b.Config.tag(r)] = registry.Built{Reference: "image@sha256:1"}
	var later []func()
	b.Errands.Run = func(errand func()) { later = append(later, errand) }
	record := b.step(r, nil)
	later[0]()
	delete(b.shelf.images, b.Config.tag(r))
	b.now = b.now.Add(answerFor + time.Second)
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildWaiting, 0)
	later[1]()
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 1)
}

// An image that has gone is built again, by another attempt than those before.
func TestGoneImageIsBuiltAgain(t *testing.T) {
	b, r := newBench(t), testRequest()
	tag := b.Config.tag(r)
	b.shelf.images[tag] = registry.Built{Reference: "image@sha256:1"}
	record := b.step(r, nil)
	b.Doubt(r.Tool)
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildSucceeded, 0)

	delete(b.shelf.images, tag)
	b.history = []api.PastBuild{{Name: r.Name, Key: r.Inputs.Key(), Attempts: 2, Outcome: api.BuildOutcomeSucceeded}}
	b.Doubt(r.Tool) // too soon after the last
	b.wantRecord(b.step(r, &record), api.BuildSucceeded, 0)
	b.now = b.now.Add(doubtAgain)
	b.Doubt(r.Tool)
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 3)
	b.wantPods(podName(r, 3))
	if want := "the registry does not have image image@sha256:1 any more"; record.Reason != want || !record.Automatic {
		t.Errorf("reason %q, want %q", record.Reason, want)
	}
	b.shelf.images[tag] = registry.Built{Reference: "image@sha256:2"}
	b.finish(podName(r, 3), podIn(t, "Succeeded"))
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildSucceeded, 3)
	if record.Image != "image@sha256:2" {
		t.Errorf("record %+v", record)
	}
}
