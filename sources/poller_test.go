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

func TestPollerFollowsARef(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		if _, ok := b.Latest("tool"); ok {
			t.Error("something is known before it was asked")
		}
		repo := Repository{URL: url1, Credentials: &Credentials{Username: "me", Password: "s3cret"}}
		b.Watch("tool", repo, "", time.Minute)
		b.pass(0)
		b.wantTold("first poll", "tool")
		o := b.latest("tool")
		if o.Commit != id("a") || o.Seen != id("a") || o.Value != "value of a" || o.Err != nil || !o.Polled.Equal(time.Now()) ||
			o.Repository != (Repository{URL: url1}) {
			t.Errorf("got %+v", o)
		}
		b.Watch("tool", repo, "", time.Minute) // the same again
		b.pass(10*time.Minute + time.Second)
		b.wantTold("nothing changed")
		if n := b.source.asked(url1); n != 11 {
			t.Errorf("asked %d times", n)
		}
		b.source.set(url1, id("b"), nil)
		b.pass(time.Minute)
		b.wantTold("a push", "tool")
		if got := b.source.reads(); !slices.Equal(got, []string{id("a"), id("b")}) {
			t.Errorf("read %q", got)
		}
		b.Forget("tool")
		b.Forget("tool")
		b.source.asked("")
		b.pass(hour)
		if _, ok := b.Latest("tool"); ok || b.source.asked("") != 0 {
			t.Error("forgotten, and still asked")
		}
	})
}

func TestPollerKeepsTheLastGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("tool", Repository{URL: url1}, "", time.Minute)
		b.pass(time.Second)
		b.wantTold("first poll", "tool")

		b.source.set(url1, "", errors.New("down"))
		b.pass(time.Minute)
		since := time.Now().Truncate(time.Minute)
		b.wantTold("an error", "tool")
		b.pass(hour)
		b.wantTold("the same error")
		o := b.latest("tool")
		if o.Commit != id("a") || o.Value != "value of a" || o.Err == nil || !o.FailingSince.Equal(since) {
			t.Errorf("got %+v, want failing since %v", o, since)
		}
		b.source.set(url1, "", errors.New("down in another way"))
		b.pass(hour)
		b.wantTold("another error", "tool")
		b.source.set(url1, id("a"), nil)
		b.pass(hour)
		b.wantTold("well again", "tool")
		if o := b.latest("tool"); o.Err != nil || !o.FailingSince.IsZero() {
			t.Errorf("got %+v", o)
		}
		if got := b.source.reads(); len(got) != 1 {
			t.Errorf("read again: %q", got)
		}
	})
}

func TestPollerReadsAgainAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("tool", Repository{URL: url1}, "", time.Minute)
		b.pass(time.Second)
		b.source.set(url1, id("b"), nil)
		b.breakReading(errors.New("half way"))
		b.pass(time.Minute)
		if o := b.latest("tool"); o.Commit != id("a") || o.Seen != id("b") || o.Err == nil {
			t.Errorf("got %+v", o)
		}
		b.breakReading(nil)
		b.pass(time.Minute)
		if o := b.latest("tool"); o.Commit != id("b") || o.Value != "value of b" || o.Err != nil {
			t.Errorf("got %+v", o)
		}
		// Back to a commit that failed in between costs no reading.
		b.source.reads()
		b.source.set(url1, id("c"), nil)
		b.breakReading(errors.New("half way"))
		b.pass(time.Minute)
		b.source.set(url1, id("b"), nil)
		b.pass(hour)
		if o := b.latest("tool"); o.Commit != id("b") || o.Err != nil || slices.Contains(b.source.reads(), id("b")) {
			t.Errorf("got %+v", o)
		}
	})
}

func TestPollerBacksOff(t *testing.T) {
	for _, test := range []struct {
		interval       time.Duration
		firstHour, day int // polls in the first hour of failing, and in the 24 hours after it
	}{
		{time.Minute, 10, 144},
		{10 * time.Second, 11, 144},
		{2 * hour, 7, 13},
	} {
		t.Run(test.interval.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startPoller(t, PollerOptions{})
				b.source.set(url1, "", errors.New("down"))
				b.Watch("tool", Repository{URL: url1}, "", test.interval)
				b.pass(hour + time.Second)
				if n := b.source.asked(url1); n != test.firstHour {
					t.Errorf("asked %d times in the first hour, want %d", n, test.firstHour)
				}
				b.pass(24 * hour)
				if n := b.source.asked(url1); n != test.day {
					t.Errorf("asked %d times in the next day, want %d", n, test.day)
				}
			})
		})
	}
}

func TestPollerHasten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.source.delay["one.example"] = 5 * time.Second
		b.Watch("tool", Repository{URL: url1}, "", hour)
		b.Hasten("nobody")
		b.pass(10 * time.Second)
		b.source.asked("")
		b.Hasten("tool")
		b.pass(time.Second)
		if n := b.source.asked(""); n != 1 {
			t.Fatalf("asked %d times", n)
		}
		for range 100 { // while it runs: once more, afterwards
			b.Hasten("tool")
		}
		b.pass(10 * time.Minute)
		if n := b.source.asked(""); n != 1 {
			t.Errorf("asked %d times", n)
		}
		b.source.mu.Lock()
		b.source.delay["one.example"] = 0
		b.source.mu.Unlock()
		for range 100 { // a hundred webhooks in ten seconds
			b.Hasten("tool")
			b.pass(100 * time.Millisecond)
		}
		if n := b.source.asked(""); n < 9 || n > 11 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestPollerAnotherRepository(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.source.set(url2, id("b"), nil)
		b.Watch("tool", Repository{URL: url1}, "", hour)
		b.pass(time.Second)
		b.wantTold("first", "tool")
		b.Watch("tool", Repository{URL: url2}, "", hour)
		if _, ok := b.Latest("tool"); ok {
			t.Error("what was known of the old repository is still shown")
		}
		b.pass(0)
		b.wantTold("the other", "tool")
		if o := b.latest("tool"); o.Commit != id("b") || o.Repository.URL != url2 {
			t.Errorf("got %+v", o)
		}
		// Changed while the old one is being asked: its answer comes to nothing.
		b.source.mu.Lock()
		b.source.delay["one.example"] = 20 * time.Second
		b.source.mu.Unlock()
		b.Watch("tool", Repository{URL: url1}, "", hour)
		b.pass(time.Second)
		b.Watch("tool", Repository{URL: url2, Ref: "other"}, "", hour)
		b.pass(time.Minute)
		b.wantTold("once", "tool")
		if o := b.latest("tool"); o.Repository != (Repository{URL: url2, Ref: "other"}) || o.Err != nil {
			t.Errorf("got %+v", o)
		}
	})
}

func TestPollerOtherCredentialsAndInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.set(url1, id("a"), nil)
		b.Watch("tool", Repository{URL: url1}, "", hour)
		b.pass(time.Minute)
		b.source.asked("")
		b.Watch("tool", Repository{URL: url1, Credentials: &Credentials{Username: "a", Password: "b"}}, "", hour)
		b.pass(time.Second)
		if b.source.asked("") != 1 || len(b.source.reads()) != 1 {
			t.Error("other credentials should hasten a poll, and no more")
		}
		b.Watch("tool", Repository{URL: url1, Credentials: &Credentials{Username: "a", Password: "b"}}, "", time.Minute)
		b.pass(time.Minute + time.Second)
		if b.source.asked("") != 1 {
			t.Error("a shorter interval should hold at once")
		}
		b.wantTold("first poll only", "tool")
	})
}

// Thousands of tools at a start are spread over time, a single new one is polled at once.
func TestPollerStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := 0.0
		b := startPoller(t, PollerOptions{Random: func() float64 { next += 0.618; next -= float64(int(next)); return next }})
		for i := range 3500 {
			b.Watch(fmt.Sprint("tool-", i), Repository{URL: fmt.Sprintf("http://host-%d.example/tool-%d", i%10, i)}, "", time.Minute)
		}
		worst := 0
		for range 40 {
			b.pass(time.Second)
			worst = max(worst, b.source.asked(""))
		}
		if worst > 700 {
			t.Errorf("%d polls in one second", worst)
		}
		if n := len(b.notified()); n != 3500 {
			t.Errorf("%d were polled in 40 s", n)
		}
		b.Watch("new", Repository{URL: url1}, "", hour)
		b.pass(20 * time.Millisecond)
		if b.source.asked(url1) != 1 {
			t.Error("the new one waits")
		}
		b.pass(2 * time.Minute)
		b.source.asked("")
		b.pass(time.Minute)
		if n := b.source.asked(""); n < 3400 || n > 4000 {
			t.Errorf("%d polls a minute", n)
		}
	})
}

// A host that does not answer holds a few workers until the deadline, and delays no other host.
func TestPollerSlowHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{Workers: 8})
		b.source.delay["one.example"] = hour
		for i := range 200 {
			b.Watch(fmt.Sprint("slow-", i), Repository{URL: fmt.Sprintf("%s-%d", url1, i)}, "", time.Minute)
		}
		b.pass(10 * time.Second)
		for i := range 50 {
			b.Watch(fmt.Sprint("fast-", i), Repository{URL: fmt.Sprintf("%s-%d", url2, i)}, "", time.Minute)
		}
		b.pass(time.Second)
		for i := range 50 {
			if o, ok := b.Latest(fmt.Sprint("fast-", i)); !ok || time.Since(o.Polled) > time.Second {
				t.Fatalf("fast-%d: %+v", i, o)
			}
		}
		b.pass(30 * time.Minute)
		if n := b.source.busiest["one.example"]; n != 4 {
			t.Errorf("%d polls of one host at once", n)
		}
		for i := range 200 { // each had its turn
			if o, ok := b.Latest(fmt.Sprint("slow-", i)); !ok || !errors.Is(o.Err, context.DeadlineExceeded) {
				t.Fatalf("slow-%d: %v %v", i, ok, o.Err)
			}
		}
	})
}

func TestPollerSurvivesAPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newScript()
		source.set(url1, id("a"), nil)
		p := NewPoller(source, func(context.Context, *Snapshot, string) (int, error) { panic("boom") }, func(string) {}, PollerOptions{})
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = p.Start(ctx) }()
		p.Watch("tool", Repository{URL: url1}, "", time.Minute)
		time.Sleep(time.Second)
		if o, ok := p.Latest("tool"); !ok || o.Err == nil {
			t.Errorf("got %+v", o)
		}
		cancel()
	})
}

// What ends with the poller is no failure of the repository.
func TestPollerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := newScript()
		source.delay["one.example"] = hour
		told := 0
		p := NewPoller(source, func(context.Context, *Snapshot, string) (int, error) { return 0, nil }, func(string) { told++ }, PollerOptions{})
		p.Watch("tool", Repository{URL: url1}, "", time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if err := p.Start(ctx); err != nil || told != 0 {
			t.Errorf("%v, told %d times", err, told)
		}
		if _, ok := p.Latest("tool"); ok {
			t.Error("a poll that did not end is shown")
		}
	})
}

// The real thing: a push to a real server is noticed and read.
func TestPollerWithAGitServer(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	repo.commit(map[string]string{"toolforge.yaml": "one"})
	told := make(chan struct{}, 10)
	read := func(ctx context.Context, s *Snapshot, _ string) (string, error) {
		data, err := s.ReadFile(ctx, "toolforge.yaml", 100)
		return string(data), err
	}
	p := NewPoller(newLocalClient(ClientOptions{}), read, func(string) { told <- struct{}{} }, PollerOptions{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = p.Start(ctx) }()
	defer func() { cancel(); <-ended }()
	p.Watch("tool", repo.at("main"), "", time.Second)
	for _, want := range []string{"one", "two"} {
		if want != "one" {
			repo.commit(map[string]string{"toolforge.yaml": want})
		}
		<-told
		if o, _ := p.Latest("tool"); o.Value != want || o.Err != nil || o.Commit != repo.git("rev-parse", "HEAD") {
			t.Errorf("got %+v, want %q", o, want)
		}
	}
}
