package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// span is what a field of a schedule is drawn from, and the chi-square that an even draw exceeds once in a thousand times, for
// as many degrees of freedom as there are values but one.
type span struct {
	from, to int
	critical float64
}

var (
	anyTime  = span{}
	minutes  = span{0, 59, 98.324}
	hours    = span{0, 23, 49.728}
	days     = span{1, 28, 55.476}
	months   = span{1, 12, 31.264}
	weekdays = span{0, 6, 22.458}
)

// TestMacrosSpread draws the times of 10,000 jobs for every macro. The names are fixed, so that it always comes out the same.
func TestMacrosSpread(t *testing.T) {
	const names = 10_000
	for macro, spans := range map[Schedule][5]span{
		"@hourly":  {minutes, anyTime, anyTime, anyTime, anyTime},
		"@daily":   {minutes, hours, anyTime, anyTime, anyTime},
		"@weekly":  {minutes, hours, anyTime, anyTime, weekdays},
		"@monthly": {minutes, hours, days, anyTime, anyTime},
		"@yearly":  {minutes, hours, days, months, anyTime},
	} {
		var seen [5]map[string]int
		for i := range seen {
			seen[i] = map[string]int{}
		}
		for i := range names {
			cron := macro.Cron(fmt.Sprintf("tool-%d", i%100), fmt.Sprintf("job-%d", i/100))
			if wrong := wrongSchedule(cron); wrong != "" {
				t.Fatalf("%s gives %q, which %s", macro, cron, wrong)
			}
			for f, text := range strings.Fields(cron) {
				seen[f][text]++
			}
		}
		for f, s := range spans {
			checkSpread(t, fmt.Sprintf("%s, field %d", macro, f+1), seen[f], s, names)
		}
	}
}

// checkSpread wants the values of the span and no other, as evenly as chance has it.
func checkSpread(t *testing.T, what string, seen map[string]int, s span, names int) {
	t.Helper()
	if s == anyTime {
		if seen["*"] != names {
			t.Errorf("%s: got %v, want only *", what, seen)
		}
		return
	}
	expected := float64(names) / float64(s.to-s.from+1)
	chiSquare, counted := 0.0, 0
	for value := s.from; value <= s.to; value++ {
		times := seen[strconv.Itoa(value)]
		counted += times
		chiSquare += (float64(times) - expected) * (float64(times) - expected) / expected
	}
	if counted != names {
		t.Errorf("%s: %d values are outside %d to %d", what, names-counted, s.from, s.to)
	}
	if chiSquare > s.critical {
		t.Errorf("%s: chi-square is %.1f, more than %.1f", what, chiSquare, s.critical)
	}
}

// The times of jobs must not move with a new version of the daemon.
func TestMacrosAreStable(t *testing.T) {
	for schedule, want := range map[Schedule]string{
		"@hourly":        "17 * * * *",
		"@daily":         "17 4 * * *",
		"@weekly":        "17 4 * * 0",
		"@monthly":       "17 4 17 * *",
		"@yearly":        "17 4 17 2 *",
		"5  4 * * MON-5": "5  4 * * MON-5",
	} {
		if got := schedule.Cron("hello", "update"); got != want {
			t.Errorf("%s: got %q, want %q", schedule, got, want)
		}
	}
	if a, b := Schedule("@yearly").Cron("ab", "c"), Schedule("@yearly").Cron("a", "bc"); a == b {
		t.Errorf("the names run together: both give %q", a)
	}
}
