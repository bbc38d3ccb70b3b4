package sources

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestPollerSharesAPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("tool", Repository{URL: url1, Ref: "HEAD"}, "", time.Minute)
		b.Watch("other/redis", Repository{URL: url1}, "", time.Minute)
		b.Watch("other/cache", Repository{URL: url1}, "docs", time.Minute)
		b.pass(0)
		b.wantTold("first poll", "other/cache", "other/redis", "tool")
		b.wantCost("first poll", 1, "a", "adocs")
		for name, want := range map[string]string{"tool": "value of a", "other/redis": "value of a", "other/cache": "value of adocs"} {
			if o := b.latest(name); o.Value != want || o.Commit != id("a") || o.Err != nil {
				t.Errorf("%s: got %+v", name, o)
			}
		}
		b.source.set(url1, id("b"), nil)
		b.pass(time.Minute)
		b.wantTold("a push", "other/cache", "other/redis", "tool")
		b.wantCost("a push", 1, "b", "bdocs")
		if opened := b.source.reads(); len(opened) != 2 {
			t.Errorf("opened %q", opened)
		}

		b.Forget("tool")
		if _, ok := b.Latest("tool"); ok {
			t.Error("forgotten, and still known")
		}
		b.source.set(url1, id("c"), nil)
		b.pass(time.Minute)
		b.wantTold("after one was forgotten", "other/cache", "other/redis")
		b.Forget("other/cache")
		b.Forget("other/redis")
		b.source.asked("")
		b.pass(hour)
		b.wantTold("after all were forgotten")
		b.wantCost("after all were forgotten", 0, "c", "cdocs")
	})
}

// wantCost compares how often a server was asked for a ref, and what was read, since the last call.
func (b *bench) wantCost(what string, asked int, readings ...string) {
	b.t.Helper()
	if got := b.source.asked(""); got != asked {
		b.t.Errorf("%s: asked %d times, want %d", what, got, asked)
	}
	if got := b.readings(); !slices.Equal(got, readings) {
		b.t.Errorf("%s: read %q, want %q", what, got, readings)
	}
}

// A name that comes later is told soon, and what another name has read is not read again.
func TestPollerLaterName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("one", Repository{URL: url1}, "", hour)
		b.pass(time.Minute)
		b.wantTold("first", "one")
		b.wantCost("first", 1, "a")
		b.Watch("two", Repository{URL: url1}, "", hour)
		if _, ok := b.Latest("two"); ok {
			t.Error("something is known before it was asked")
		}
		b.pass(0)
		b.wantTold("second", "two")
		b.wantCost("second", 1)
		if o := b.latest("two"); o.Value != "value of a" || o.Commit != id("a") {
			t.Errorf("got %+v", o)
		}
		b.pass(time.Minute)
		for i := range 500 { // all at once: no request for each
			b.Watch(fmt.Sprint("many-", i), Repository{URL: url1}, "", hour)
		}
		b.pass(time.Minute)
		if n := b.source.asked(""); n > 2 {
			t.Errorf("many: asked %d times", n)
		}
		b.wantCost("many", 0)
		if n := len(b.notified()); n != 500 {
			t.Errorf("%d were told", n)
		}
		// While a poll runs: it takes part in it, or in another one right after.
		b.source.mu.Lock()
		b.source.delay["one.example"] = 5 * time.Second
		b.source.mu.Unlock()
		b.Hasten("one")
		b.pass(time.Second)
		b.Watch("late", Repository{URL: url1}, "", hour)
		b.Watch("late/docs", Repository{URL: url1}, "docs", hour)
		b.pass(20 * time.Second)
		b.wantTold("while it ran", "late", "late/docs")
		if b.source.asked("") > 2 {
			t.Error("asked too often")
		}
	})
}

func TestPollerSharesAtTheShortestInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		repo := Repository{URL: url1}
		b.Watch("slow", repo, "", hour)
		b.pass(time.Second)
		b.Watch("fast", repo, "", time.Minute)
		b.pass(time.Second)
		b.source.asked("")
		b.pass(10 * time.Minute)
		if n := b.source.asked(""); n != 10 {
			t.Errorf("with a fast one: asked %d times", n)
		}
		b.Watch("fast", repo, "", 5*time.Minute)
		b.pass(time.Minute)
		b.source.asked("")
		b.pass(20 * time.Minute)
		if n := b.source.asked(""); n != 4 {
			t.Errorf("with a less fast one: asked %d times", n)
		}
		b.Forget("fast")
		b.pass(5 * time.Minute)
		b.source.asked("")
		b.pass(2 * hour)
		if n := b.source.asked(""); n != 2 {
			t.Errorf("with the slow one alone: asked %d times", n)
		}
	})
}

func TestPollerSeparates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("one", Repository{URL: url1}, "", hour)
		b.Watch("two", Repository{URL: url1}, "", hour)
		b.pass(time.Second)
		b.wantTold("first", "one", "two")
		b.wantCost("shared", 1, "a")

		b.Watch("two", Repository{URL: url1, Ref: "other"}, "", hour)
		if _, ok := b.Latest("two"); ok {
			t.Error("what was known of the old ref is still shown")
		}
		b.pass(0)
		b.wantTold("another ref", "two")
		b.wantCost("another ref", 1, "a")
		b.pass(hour)
		b.wantCost("two refs", 2)

		b.Watch("two", Repository{URL: url1}, "", hour)
		b.pass(time.Second)
		b.wantTold("together again", "two")
		b.wantCost("together again", 1)
		b.Watch("two", Repository{URL: url1, Credentials: &Credentials{Username: "a", Password: "b"}}, "", hour)
		if o := b.latest("two"); o.Commit != id("a") {
			t.Errorf("other credentials forgot %+v", o)
		}
		b.pass(hour + time.Second)
		b.wantCost("one with credentials", 3) // at once and after an hour, and the other
		b.Watch("one", Repository{URL: url1, Credentials: &Credentials{Username: "a", Password: "c"}}, "", hour)
		b.pass(time.Second)
		b.source.asked("")
		b.pass(hour)
		b.wantCost("each with its own", 2)
		b.Watch("one", Repository{URL: url1, Credentials: &Credentials{Username: "a", Password: "b"}}, "", hour)
		b.pass(2 * time.Second)
		b.source.asked("")
		b.pass(hour)
		b.wantCost("both with the same", 1)
		b.wantTold("nothing changed")
	})
}

// Another reading of the commit that is known: the old value is there until the new one is.
func TestPollerAnotherReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("one", Repository{URL: url1}, "x", hour)
		b.Watch("two", Repository{URL: url1}, "x", hour)
		b.pass(time.Minute)
		b.wantTold("first", "one", "two")
		b.wantCost("first", 1, "ax")

		b.Watch("two", Repository{URL: url1}, "y", hour)
		if o := b.latest("two"); o.Value != "value of ax" || o.Reading != "x" {
			t.Errorf("meanwhile %+v", o)
		}
		b.pass(0)
		b.wantTold("another reading", "two")
		b.wantCost("another reading", 1, "ay")
		if o := b.latest("two"); o.Value != "value of ay" || o.Reading != "y" || o.Commit != id("a") {
			t.Errorf("got %+v", o)
		}
		if o := b.latest("one"); o.Value != "value of ax" || o.Reading != "x" {
			t.Errorf("the other name: %+v", o)
		}

		b.Watch("one", Repository{URL: url1}, "y", hour) // which was read for the other name
		b.pass(time.Minute)
		b.wantTold("the same reading", "one")
		b.wantCost("the same reading", 1)
		if o := b.latest("one"); o.Value != "value of ay" || o.Reading != "y" {
			t.Errorf("got %+v", o)
		}

		// While a poll runs.
		b.source.mu.Lock()
		b.source.delay["one.example"] = 5 * time.Second
		b.source.mu.Unlock()
		b.source.set(url1, id("b"), nil)
		b.Hasten("one")
		b.pass(time.Second)
		b.Watch("one", Repository{URL: url1}, "z", hour)
		b.pass(4500 * time.Millisecond)
		b.pass(10 * time.Second)
		if o := b.latest("one"); o.Value != "value of bz" || o.Reading != "z" {
			t.Errorf("changed while it ran: %+v", o)
		}
	})
}

// A reading that fails is the trouble of those that want it, and holds up nobody else.
func TestPollerOneReadingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("well", Repository{URL: url1}, "x", time.Minute)
		b.Watch("ill", Repository{URL: url1}, "y", time.Minute)
		b.pass(time.Second)
		b.wantTold("first", "ill", "well")
		b.mu.Lock()
		b.broken, b.brokenReading = errors.New("half way"), "z"
		b.mu.Unlock()
		b.Watch("ill", Repository{URL: url1}, "z", time.Minute)
		b.pass(time.Second)
		b.wantTold("a reading that fails", "ill")
		if o := b.latest("ill"); o.Err == nil || o.Value != "value of ay" || o.Reading != "y" || o.Seen != id("a") || o.FailingSince.IsZero() {
			t.Errorf("got %+v", o)
		}
		if o := b.latest("well"); o.Err != nil || o.Value != "value of ax" {
			t.Errorf("the other: %+v", o)
		}
		b.source.asked("")
		b.pass(10 * time.Minute)
		if n := b.source.asked(""); n != 10 {
			t.Errorf("asked %d times: the other waits with it", n)
		}
		b.source.set(url1, id("b"), nil)
		b.pass(time.Minute)
		b.wantTold("a push", "ill", "well")
		if o := b.latest("well"); o.Err != nil || o.Value != "value of bx" {
			t.Errorf("the other: %+v", o)
		}
		if o := b.latest("ill"); o.Err == nil || o.Commit != id("a") || o.Seen != id("b") {
			t.Errorf("got %+v", o)
		}
		b.breakReading(nil)
		b.pass(time.Minute)
		b.wantTold("well again", "ill")
		if o := b.latest("ill"); o.Err != nil || o.Value != "value of bz" || !o.FailingSince.IsZero() {
			t.Errorf("got %+v", o)
		}
	})
}

// A host that fails is told to every name, and asked once for all of them.
func TestPollerSharedFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, "", errors.New("down"))
		b.Watch("one", Repository{URL: url1}, "", time.Minute)
		b.Watch("two", Repository{URL: url1}, "x", time.Minute)
		b.pass(hour + time.Second)
		b.wantTold("down", "one", "two")
		b.wantCost("down", 10)
		b.source.set(url1, id("a"), nil)
		b.pass(hour)
		b.wantTold("up", "one", "two")
	})
}

// A poll that runs is ended only when nobody wants it any more.
func TestPollerForgetWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.source.delay["one.example"] = 20 * time.Second
		b.Watch("one", Repository{URL: url1}, "x", hour)
		b.Watch("two", Repository{URL: url1}, "y", hour)
		b.pass(time.Second)
		b.Forget("one")
		b.pass(20 * time.Second)
		b.wantTold("the other", "two")
		b.wantCost("the other", 1, "ay")
		b.Hasten("two")
		b.pass(time.Second)
		b.Forget("two")
		b.Watch("two", Repository{URL: url1}, "y", hour)
		b.pass(20 * time.Second)
		b.wantTold("afresh", "two")
		b.wantCost("afresh", 2, "ay")
		if o := b.latest("two"); o.Err != nil || o.Commit != id("a") {
			t.Errorf("got %+v", o)
		}
	})
}

// What was read in time counts, and the rest is read by the next poll, when there is too much for one.
func TestPollerReadsInTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newScript()
		source.set(url1, id("a"), nil)
		read := func(ctx context.Context, _ *Snapshot, reading string) (string, error) {
			select {
			case <-time.After(10 * time.Second):
				return reading, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		}
		p := NewPoller(source, read, func(string) {}, PollerOptions{Timeout: 25 * time.Second})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = p.Start(ctx) }()
		for i := range 9 {
			p.Watch(fmt.Sprint(i), Repository{URL: url1}, fmt.Sprint(i), hour)
		}
		time.Sleep(3 * time.Minute)
		for i := range 9 {
			if o, ok := p.Latest(fmt.Sprint(i)); !ok || o.Err != nil || o.Value != fmt.Sprint(i) {
				t.Errorf("%d: %+v", i, o)
			}
		}
		cancel()
		synctest.Wait()
	})
}

// A commit id is read once, whatever the interval, and costs nothing more; another reading costs what reading costs.
func TestPollerOfACommit(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	first := repo.commit(map[string]string{"toolforge.yaml": "one", "docs/a": "a"})
	repo.commit(map[string]string{"toolforge.yaml": "two"})
	told := make(chan string, 10)
	read := func(_ context.Context, s *Snapshot, reading string) (string, error) {
		ignore, err := ParseIgnore([]string{reading})
		if err != nil {
			return "", err
		}
		return s.TreeID("", ignore)
	}
	p := NewPoller(newLocalClient(ClientOptions{}), read, func(name string) { told <- name }, PollerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = p.Start(ctx) }()
	defer func() { cancel(); <-ended }()
	p.Watch("tool/redis", repo.at(first), "nothing", time.Second)
	<-told
	if o, _ := p.Latest("tool/redis"); o.Value != repo.git("rev-parse", first+"^{tree}") || o.Commit != first {
		t.Errorf("got %+v", o)
	}
	if asked := server.asked(); len(asked) != 2 {
		t.Errorf("asked %q", asked)
	}
	polled := func() time.Time { o, _ := p.Latest("tool/redis"); return o.Polled }
	for before := polled(); !polled().After(before); {
		time.Sleep(10 * time.Millisecond)
	}
	if asked := server.asked(); len(asked) > 0 {
		t.Errorf("asked again: %q", asked)
	}
	p.Watch("tool/redis", repo.at(first), "toolforge.yaml", time.Second)
	<-told
	asked := server.asked()
	want := withoutIgnored(repo, repo.git("rev-parse", first+"^{tree}"), []string{"toolforge.yaml"})
	if o, _ := p.Latest("tool/redis"); o.Value != want || o.Reading != "toolforge.yaml" || o.Err != nil {
		t.Errorf("got %+v, want %s", o, want)
	}
	if len(asked) != 1 {
		t.Errorf("asked %q", asked)
	}
}

// Readings that never end in time take turns too, but back off as any failure does.
func TestPollerReadingsThatHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newScript()
		source.set(url1, id("a"), nil)
		read := func(ctx context.Context, _ *Snapshot, reading string) (string, error) {
			if reading != "well" {
				<-ctx.Done()
			}
			return reading, ctx.Err()
		}
		p := NewPoller(source, read, func(string) {}, PollerOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = p.Start(ctx) }()
		for _, reading := range []string{"one", "two", "three", "well"} {
			p.Watch(reading, Repository{URL: url1}, reading, 5*time.Minute)
		}
		time.Sleep(5 * hour)
		if n := source.asked(""); n > 62 {
			t.Errorf("asked %d times", n)
		}
		if o, ok := p.Latest("well"); !ok || o.Err != nil || time.Since(o.Polled) > 6*time.Minute {
			t.Errorf("the one that ends: %+v", o)
		}
		for _, reading := range []string{"one", "two", "three"} {
			if o, ok := p.Latest(reading); !ok || !errors.Is(o.Err, context.DeadlineExceeded) {
				t.Errorf("%s: %+v", reading, o)
			}
		}
		cancel()
		synctest.Wait()
	})
}
