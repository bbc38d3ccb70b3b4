package manifest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// TestMacrosSpread checks, for every macro, which values each field takes over many jobs: all of its range, and no more.
func TestMacrosSpread(t *testing.T) {
	any, minutes, hours, days := [2]int{}, [2]int{0, 59}, [2]int{0, 23}, [2]int{1, 28}
	months, weekdays := [2]int{1, 12}, [2]int{0, 6}
	for macro, ranges := range map[Schedule][5][2]int{
		"@hourly":  {minutes, any, any, any, any},
		"@daily":   {minutes, hours, any, any, any},
		"@weekly":  {minutes, hours, any, any, weekdays},
		"@monthly": {minutes, hours, days, any, any},
		"@yearly":  {minutes, hours, days, months, any},
	} {
		var seen [5]map[string]int
		for i := range seen {
			seen[i] = map[string]int{}
		}
		for i := range 5000 {
			cron := macro.Cron(fmt.Sprintf("tool-%d", i%100), fmt.Sprintf("job-%d", i/100))
			if wrong := wrongSchedule(cron); wrong != "" {
				t.Fatalf("%s gives %q, which %s", macro, cron, wrong)
			}
			for f, text := range strings.Fields(cron) {
				seen[f][text]++
			}
		}
		for f, r := range ranges {
			checkSpread(t, fmt.Sprintf("%s, field %d", macro, f+1), seen[f], r)
		}
	}
}

// checkSpread wants every value of the range, none more than three times as often as on average, and no other value.
func checkSpread(t *testing.T, what string, seen map[string]int, r [2]int) {
	t.Helper()
	if r == [2]int{} {
		if len(seen) != 1 || seen["*"] == 0 {
			t.Errorf("%s: got %v, want only *", what, seen)
		}
		return
	}
	size := r[1] - r[0] + 1
	if len(seen) != size {
		t.Errorf("%s: %d values, want %d", what, len(seen), size)
	}
	for text, times := range seen {
		if n, err := strconv.Atoi(text); err != nil || n < r[0] || n > r[1] {
			t.Errorf("%s: %q is outside %v", what, text, r)
		}
		if times > 3*5000/size {
			t.Errorf("%s: %s comes %d times", what, text, times)
		}
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
