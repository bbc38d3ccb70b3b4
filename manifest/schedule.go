package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"go.yaml.in/yaml/v3"
)

// Schedule is when a job runs, in UTC: five cron fields, or one of the macros @hourly, @daily, @weekly, @monthly and
// @yearly.
type Schedule string

// Cron returns the five fields. Those written in the file pass unchanged; for a macro a stable hash of the tool's and
// the job's name chooses the minute, and where they are free the hour, the day of the week, the month and the day of
// the month, which stays within 1 to 28 so that every month has the run.
func (s Schedule) Cron(tool, job string) string {
	sum := sha256.Sum256([]byte(tool + "\x00" + job))
	pick := func(i int, n uint16) uint16 { return binary.BigEndian.Uint16(sum[2*i:]) % n }
	minute, hour, day, month, weekday := pick(0, 60), pick(1, 24), 1+pick(2, 28), 1+pick(3, 12), pick(4, 7)
	switch s {
	case "@hourly":
		return fmt.Sprintf("%d * * * *", minute)
	case "@daily":
		return fmt.Sprintf("%d %d * * *", minute, hour)
	case "@weekly":
		return fmt.Sprintf("%d %d * * %d", minute, hour, weekday)
	case "@monthly":
		return fmt.Sprintf("%d %d %d * *", minute, hour, day)
	case "@yearly":
		return fmt.Sprintf("%d %d %d %d *", minute, hour, day, month)
	}
	return string(s)
}

const maxSchedule = 200

type scheduleKind struct{}

var macro = regexp.MustCompile(`^@(hourly|daily|weekly|monthly|yearly)$`)

func (scheduleKind) allowed() string {
	return "five fields such as `30 4 * * *` (minute, hour, day, month, weekday; UTC), " +
		"or one of @hourly, @daily, @weekly, @monthly and @yearly, in quotes"
}

func (k scheduleKind) read(r *reader, v value) (Schedule, bool) {
	if v.node.Kind != yaml.ScalarNode || v.node.ShortTag() != "!!str" {
		r.wrong(v, k.allowed())
		return "", false
	}
	if wrong := wrongSchedule(v.node.Value); wrong != "" {
		r.problems.add(v.at, "%s %s; found %q%s", v.label(), wrong, shorten(v.node.Value), scheduleHint(v.node.Value))
		return "", false
	}
	return Schedule(v.node.Value), true
}

// wrongSchedule says what is wrong with s, or "". Beyond what the cron package refuses it refuses what Kubernetes would
// (a time zone in the text) and what can never run.
func wrongSchedule(s string) string {
	allowed := "must be " + scheduleKind{}.allowed()
	switch {
	case macro.MatchString(s):
		return ""
	case strings.Contains(s, "TZ="):
		return "cannot choose a time zone: schedules are in UTC"
	case strings.HasPrefix(s, "@"), len(s) > maxSchedule, strings.ContainsAny(s, "\n\r"), len(strings.Fields(s)) != 5:
		return allowed
	}
	times, err := cron.ParseStandard(s)
	if err != nil {
		return wrongField(s)
	}
	// The cron package looks five years ahead; from here that includes a 29 February.
	if times.Next(time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return "names a day that never comes"
	}
	return ""
}

// cronFields are the fields of a schedule, in their order, and what each is made of.
var cronFields = []struct{ name, values string }{
	{"minute", "0 to 59"}, {"hour", "0 to 23"}, {"day of the month", "1 to 31"}, {"month", "1 to 12 or JAN to DEC"},
	{"weekday", "0 (Sunday) to 6, or SUN to SAT"},
}

// wrongField names the first field that the cron package refuses.
func wrongField(s string) string {
	for i, text := range strings.Fields(s) {
		alone := []string{"*", "*", "*", "*", "*"}
		alone[i] = text
		if _, err := cron.ParseStandard(strings.Join(alone, " ")); err != nil {
			return fmt.Sprintf("has a wrong %s, `%s`: allowed is %s, as in `*`, `1`, `1,3`, `1-5` or `*/2`",
				cronFields[i].name, shorten(text), cronFields[i].values)
		}
	}
	return "is no valid schedule"
}

// scheduleHint knows the macros without their @, in capitals, and by their other names.
func scheduleHint(s string) string {
	name := strings.ToLower(strings.TrimPrefix(s, "@"))
	switch name {
	case "midnight":
		name = "daily"
	case "annually":
		name = "yearly"
	}
	if macro.MatchString("@" + name) {
		return ": write `\"@" + name + "\"`"
	}
	return ""
}
