package sources

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// hostDown is what a server that does not answer comes to.
func hostDown(repo Repository) error {
	return unreachable(repo, fmt.Errorf("dial: %w", errors.New("connection refused")))
}

// busy is what a server that has too much to do comes to.
func busy(retryAfter string) func(Repository) error {
	return func(repo Repository) error {
		return failf(ErrUnreachable, &busyError{host: repo.host(), retryAfter: retryAfter}, "the server of %s answered 429", repo.URL)
	}
}

// watchHost watches n repositories of a host under names that begin with it.
func (b *bench) watchHost(host string, n int, interval time.Duration) {
	for i := range n {
		repo := Repository{URL: fmt.Sprintf("http://%s/tool-%d", host, i)}
		b.source.mu.Lock()
		if b.source.commits[repo.URL] == "" {
			b.source.commits[repo.URL] = id("a")
		}
		b.source.mu.Unlock()
		b.Watch(fmt.Sprint(host, "-", i), repo, "", interval)
	}
}

// behindMost is the most that a repository of a host is behind.
func (b *bench) behindMost(host string) (most time.Duration) {
	for _, r := range b.Names(nil) {
		if r.Host == host {
			most = max(most, r.Behind)
		}
	}
	return most
}

func (b *bench) hostReport(name string) HostReport {
	b.t.Helper()
	for _, h := range b.Hosts() {
		if h.Name == name {
			return h
		}
	}
	b.t.Fatalf("nothing is known of host %s", name)
	return HostReport{}
}

func seeded() func() float64 {
	random := rand.New(rand.NewPCG(1, 2))
	return random.Float64
}

// A host with 1,000 tools is down for ten minutes. Tools of other hosts are asked as before. Of the host itself, one
// repository at a time is asked; when it comes back, all are within two intervals, and no more at once than ever.
func TestPollerHostDownForTenMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const large, small, interval = 1000, 300, time.Minute
		b := startPoller(t, PollerOptions{Random: seeded()})
		b.source.delay["one.example"], b.source.delay["two.example"] = 50*time.Millisecond, 50*time.Millisecond
		b.watchHost("one.example", large, interval)
		b.watchHost("two.example", small, interval)
		b.pass(3 * interval)
		if one, two := b.behindMost("one.example"), b.behindMost("two.example"); one > 65*time.Second || two > 65*time.Second {
			t.Fatalf("before: %s and %s behind", one, two)
		}
		b.source.asked("")
		b.source.busiestOf("one.example")

		b.source.setDown("one.example", hostDown)
		b.source.mu.Lock()
		b.source.delay["one.example"] = 10 * time.Second // no answer at all
		b.source.mu.Unlock()
		b.pass(time.Minute)
		b.source.busiestOf("one.example")
		b.source.asked("")
		for range 9 {
			b.pass(time.Minute)
			if two := b.behindMost("two.example"); two > 65*time.Second {
				t.Errorf("while the other host is down: %s behind", two)
			}
		}
		if n := b.source.busiestOf("one.example"); n != 1 {
			t.Errorf("%d probes at once", n)
		}
		probes := b.source.askedHost("one.example")
		if probes < 9 || probes > 40 {
			t.Errorf("%d probes in nine minutes", probes)
		}
		if h := b.hostReport("one.example"); h.State != HostDown || h.Err == nil || time.Since(h.Since) < 9*time.Minute || h.Repositories != large || h.Waiting < large-10 {
			t.Errorf("the host is %+v", h)
		}
		// Each tool knows, as if it had been asked itself.
		for i := range large {
			o := b.latest(fmt.Sprint("one.example-", i))
			if want := fmt.Sprintf("http://one.example/tool-%d:", i); !errors.Is(o.Err, ErrUnreachable) || !strings.Contains(o.Err.Error(), want) || o.Commit != id("a") {
				t.Fatalf("tool %d: %+v", i, o)
			}
		}

		b.source.setDown("one.example", nil)
		b.source.mu.Lock()
		b.source.delay["one.example"] = 50 * time.Millisecond
		b.source.mu.Unlock()
		back, worst := time.Now(), 0
		for time.Since(back) < 2*interval {
			b.pass(time.Second)
			worst = max(worst, b.source.askedHost("one.example"))
		}
		if worst > 60 {
			t.Errorf("%d polls in one second after it came back", worst)
		}
		if n := b.source.busiestOf("one.example"); n > 4 {
			t.Errorf("%d polls at once after it came back", n)
		}
		for _, r := range b.Names(nil) {
			if r.Err != nil || r.Looked.Before(back) {
				t.Fatalf("not asked within two intervals: %+v", r)
			}
		}
		if two := b.behindMost("two.example"); two > 65*time.Second {
			t.Errorf("after the other host came back: %s behind", two)
		}
		if h := b.hostReport("one.example"); h.State != HostWell || h.Budget != 4 || h.Failures != 0 || !h.Since.IsZero() {
			t.Errorf("the host is %+v", h)
		}
	})
}

// askedHost returns how often a host was asked since the last call, and forgets what else was asked.
func (s *script) askedHost(host string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, url := range s.resolved {
		if (Repository{URL: url}).host() == host {
			n++
		}
	}
	s.resolved = nil
	return n
}

// Servers that take as long as they may, under many names, leave workers to others.
func TestPollerManySlowHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{Workers: 16, Random: seeded()})
		for i := range 40 {
			host := fmt.Sprintf("slow-%d.example", i)
			b.source.delay[host] = 20 * time.Second
			b.watchHost(host, 4, time.Minute)
		}
		b.pass(10 * time.Minute)
		b.watchHost("two.example", 100, time.Minute)
		b.pass(2 * time.Minute)
		for range 10 {
			b.pass(time.Minute)
			if most := b.behindMost("two.example"); most > 65*time.Second {
				t.Errorf("%s behind", most)
			}
		}
		for i := range 40 {
			if most := b.behindMost(fmt.Sprintf("slow-%d.example", i)); most > 10*time.Minute {
				t.Errorf("slow host %d: %s behind", i, most)
			}
		}
	})
}

// A few repositories that a host cannot serve are their own trouble, not the host's.
func TestPollerBrokenRepositoriesOfAWellHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{Random: seeded()})
		for i := range 3 {
			url := fmt.Sprintf("http://one.example/tool-%d", i)
			b.source.set(url, "", failf(ErrUnreachable, errServerFault, "the server of %s answered 500", url))
		}
		b.watchHost("one.example", 20, time.Minute)
		b.pass(hour)
		if h := b.hostReport("one.example"); h.State == HostDown {
			t.Errorf("the host is %+v", h)
		}
		for i := 3; i < 20; i++ {
			if o := b.latest(fmt.Sprint("one.example-", i)); o.Err != nil {
				t.Errorf("tool %d: %v", i, o.Err)
			}
		}
		if most := b.behindMostOf(func(name string) bool { return name >= "one.example-3" }); most > 65*time.Second {
			t.Errorf("%s behind", most)
		}
	})
}

func (b *bench) behindMostOf(want func(string) bool) (most time.Duration) {
	for _, r := range b.Names(want) {
		if r.Err == nil {
			most = max(most, r.Behind)
		}
	}
	return most
}

// A host with one repository that is down is probed as seldom as a failing repository is tried again.
func TestPollerProbesOfASmallHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.setDown("one.example", hostDown)
		b.Watch("tool", Repository{URL: url1}, "", time.Minute)
		b.pass(hour)
		b.source.asked("")
		b.pass(24 * hour)
		if n := b.source.asked(""); n < 100 || n > 150 {
			t.Errorf("asked %d times in a day", n)
		}
		// A webhook shows that it may be well again.
		b.source.setDown("one.example", nil)
		b.source.set(url1, id("a"), nil)
		b.Hasten("tool")
		b.pass(probeFirst)
		if o := b.latest("tool"); o.Err != nil || o.Commit != id("a") {
			t.Errorf("got %+v", o)
		}
	})
}

// Watched for the first time while its host is down: it is not asked, and its name knows why.
func TestPollerNewNameOfAHostThatIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.source.setDown("one.example", hostDown)
		b.watchHost("one.example", 10, time.Minute)
		b.pass(time.Minute)
		b.notified()
		b.source.asked("")
		b.Watch("new", Repository{URL: url1 + "-new"}, "", time.Minute)
		b.pass(0)
		b.wantTold("a new one", "new")
		if b.source.asked(url1+"-new") != 0 {
			t.Error("it was asked")
		}
		if o := b.latest("new"); !errors.Is(o.Err, ErrUnreachable) || !strings.Contains(o.Err.Error(), url1+"-new:") {
			t.Errorf("got %+v", o)
		}
		b.Watch("another", Repository{URL: url1 + "-new"}, "", time.Minute) // which shares its polls
		b.pass(0)
		b.wantTold("another name", "another")
		// Names come and go, and something is always probed.
		for i := range 10 {
			b.Forget(fmt.Sprint("one.example-", i))
		}
		b.source.asked("")
		b.pass(15 * time.Minute)
		if b.source.asked(url1+"-new") == 0 {
			t.Error("nothing probes the host")
		}
		b.Forget("new")
		b.Forget("another")
		if hosts := b.Hosts(); len(hosts) != 0 {
			t.Errorf("hosts that nothing is of: %+v", hosts)
		}
	})
}

// A server that asks to be left alone is, all of it, for as long as it says.
func TestPollerRetryAfter(t *testing.T) {
	for _, test := range []struct {
		name       string
		retryAfter string
		pause      time.Duration
	}{
		{"seconds", "300", 5 * time.Minute},
		{"date", "DATE", 5 * time.Minute},
		{"too long", "999999999999999999999999", time.Hour},
		{"not said", "", 30 * time.Second},
		{"nonsense", "soon", 30 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := startPoller(t, PollerOptions{})
				b.watchHost("one.example", 50, time.Minute)
				b.watchHost("two.example", 1, time.Minute)
				b.pass(time.Minute)
				header := strings.ReplaceAll(test.retryAfter, "DATE", time.Now().Add(test.pause).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT"))
				b.source.setDown("one.example", busy(header))
				b.pass(10 * time.Second)
				b.pass(50 * time.Second)
				b.source.asked("")
				b.source.setDown("one.example", nil)
				if test.pause > time.Minute {
					b.pass(test.pause - 2*time.Minute)
					if n := b.source.askedHost("one.example"); n != 0 {
						t.Errorf("asked %d times in the pause", n)
					}
					if h := b.hostReport("one.example"); h.State != HostPaused || h.Next.IsZero() {
						t.Errorf("the host is %+v", h)
					}
					if most := b.behindMost("two.example"); most > time.Minute {
						t.Errorf("another host: %s behind", most)
					}
				}
				// Another poll may have been refused later, when it was probed.
				b.pass(3*time.Minute + test.pause/10)
				if n := b.source.askedHost("one.example"); n < 50 {
					t.Errorf("asked %d times afterwards", n)
				}
				if h := b.hostReport("one.example"); h.State != HostWell {
					t.Errorf("the host is %+v", h)
				}
			})
		})
	}
}

// Names that are well are not troubled by a pause.
func TestPollerPauseTroublesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{})
		b.watchHost("one.example", 50, time.Minute)
		b.pass(time.Minute)
		b.notified()
		b.source.setDown("one.example", busy("120"))
		b.pass(time.Minute)
		if told := b.notified(); len(told) > 4 {
			t.Errorf("%d were told", len(told))
		}
		// What another host answers, after a redirect, is not this one's.
		b.source.setDown("one.example", nil)
		b.pass(5 * time.Minute)
		b.source.set("http://one.example/tool-0", "", failf(ErrUnreachable, &busyError{host: "elsewhere.example", retryAfter: "3600"}, "429"))
		b.pass(5 * time.Minute)
		if h := b.hostReport("one.example"); h.State == HostPaused {
			t.Errorf("the host is %+v", h)
		}
	})
}

func TestPollerPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{MinInterval: 10 * time.Second, MaxInterval: 3 * time.Minute})
		b.source.set(url1, id("a"), nil)
		rate := func(what string, d time.Duration, want int) {
			t.Helper()
			b.source.asked("")
			b.pass(d)
			if n := b.source.asked(url1); n != want {
				t.Errorf("%s: asked %d times in %s, want %d", what, n, d, want)
			}
		}
		b.Watch("tool", Repository{URL: url1}, "", time.Minute)
		b.pass(time.Second)
		rate("at first", 10*time.Minute, 10)
		b.source.set(url1, id("b"), nil)
		b.pass(time.Minute)
		rate("pushed to", 10*time.Minute, 20)
		b.pass(hour)
		rate("later", 10*time.Minute, 10)
		b.pass(24 * hour)
		rate("quiet", 20*time.Minute, 10)
		b.pass(7 * 24 * hour)
		rate("dormant", 30*time.Minute, 10) // four times a minute is more than the administrator's three
		b.Watch("tool", Repository{URL: url1}, "", time.Second)
		b.pass(3 * time.Minute)
		rate("wished faster than may be", 2*time.Minute, 12)
		b.Watch("tool", Repository{URL: url1}, "", hour)
		b.pass(3 * time.Minute)
		rate("wished slower than may be", 30*time.Minute, 10)
	})
}

func TestPollerStaleness(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startPoller(t, PollerOptions{Random: seeded()})
		if s := b.Staleness(); s != (Staleness{}) {
			t.Errorf("of nothing: %+v", s)
		}
		b.watchHost("one.example", 1000, time.Minute)
		b.pass(10 * time.Minute)
		if s := b.Staleness(); s.Names != 1000 || s.Late != 0 || s.Median < 15*time.Second || s.Median > 45*time.Second || s.P99 > time.Minute || s.Most > time.Minute {
			t.Errorf("as usual: %+v", s)
		}
		// A repository that was never seen is behind since it is watched, whatever it answers.
		b.source.set(url2, "", failf(ErrNotFound, nil, "no"))
		b.Watch("never", Repository{URL: url2}, "", time.Minute)
		b.pass(hour)
		if s := b.Staleness(); s.Late != 1 || s.Most < hour || s.P99 > time.Minute {
			t.Errorf("with one that is not there: %+v", s)
		}
		for _, r := range b.Names(func(name string) bool { return name == "never" }) {
			if r.Failures == 0 || r.Err == nil || !r.Looked.IsZero() || r.Asked.IsZero() || r.Next.IsZero() || r.Behind < hour {
				t.Errorf("it is %+v", r)
			}
		}
	})
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for _, header := range []string{
		"", "0", "120", "-1", " 7 ", "99999999999999999999", "1.5", "Thu, 26 Nov 2026 12:02:00 GMT", "Thursday, 26-Nov-26 12:02:00 GMT",
		"Thu Nov 26 12:02:00 2026", "Thu, 26 Nov 1926 12:02:00 GMT", "Thu, 26 Nov 9999 12:02:00 GMT", "tomorrow", "٣",
	} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		wait, ok := parseRetryAfter(header, now)
		if wait < 0 || wait > maxRetryAfter || !ok && wait != 0 {
			t.Errorf("%q: %s, %t", header, wait, ok)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"0": 0, "120": 2 * time.Minute, "3601": time.Hour, "99999999999999999999": time.Hour,
		"Thu, 26 Nov 2026 12:02:00 GMT": 2 * time.Minute, "Thu, 26 Nov 2026 11:02:00 GMT": 0, "Fri, 26 Nov 2027 11:02:00 GMT": time.Hour,
	} {
		if got, ok := parseRetryAfter(header, now); !ok || got != want {
			t.Errorf("%q: %s, %t, want %s", header, got, ok, want)
		}
	}
	for _, header := range []string{"", "-1", "soon", "1.5", strings.Repeat("1", 101)} {
		if got, ok := parseRetryAfter(header, now); ok {
			t.Errorf("%q: %s", header, got)
		}
	}
	skewed := busyError{retryAfter: "Thu, 26 Nov 2026 12:02:00 GMT", date: "Thu, 26 Nov 2026 12:01:30 GMT"}
	if got, ok := skewed.wait(now); !ok || got != 30*time.Second {
		t.Errorf("by the server's clock: %s", got)
	}
}
