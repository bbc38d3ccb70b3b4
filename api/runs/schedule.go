package runs

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// Late is how late a run may start: what is not started by then does not take place.
const Late = 30 * time.Second

// Schedule is when a job runs, in UTC.
type Schedule struct{ times cron.Schedule }

// ParseSchedule reads five cron fields, as a CronJob has them.
func ParseSchedule(fields string) (Schedule, error) {
	times, err := cron.ParseStandard(fields)
	if err != nil {
		return Schedule{}, fmt.Errorf("schedule %q: %w", fields, err)
	}
	return Schedule{times}, nil
}

// Next is the first time after that one when a run is due; the zero time when there is none within five years.
func (s Schedule) Next(after time.Time) time.Time { return s.times.Next(after.UTC()) }

// Between are the times after one and up to another when a run is due, the newest of them only where there are more than
// limit.
func (s Schedule) Between(after, until time.Time, limit int) []time.Time {
	var due []time.Time
	for at := s.Next(s.near(after, until, limit)); !at.IsZero() && !at.After(until); at = s.Next(at) {
		if due = append(due, at); len(due) > limit {
			due = due[1:]
		}
	}
	return due
}

// near is a time after which there are not many more than limit runs until then: a schedule of each minute over a year is
// not walked through.
func (s Schedule) near(after, until time.Time, limit int) time.Time {
	for span := time.Duration(limit+1) * time.Minute; span < until.Sub(after); span *= 2 {
		from := until.Add(-span)
		at, n := from, 0
		for n <= limit {
			if at = s.Next(at); at.IsZero() || at.After(until) {
				break
			}
			n++
		}
		if n > limit {
			return from
		}
	}
	return after
}
