package build

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// Delays before what failed by the platform's fault is tried again: doubled with each time, between these bounds.
const (
	firstRetry = 10 * time.Second // another attempt
	lastRetry  = 10 * time.Minute

	firstAsk = 2 * time.Second // another request to the registry or the API server
	lastAsk  = 5 * time.Minute
)

// How long it is until a look, should no event bring one before.
const (
	queueCheck   = 30 * time.Second // at a build that waits for others
	errandCheck  = time.Minute      // at one that waits for an answer
	runningCheck = time.Minute      // at one that runs: of a pod that is gone before the cache has shown it, there is no event
)

// maxTrouble bounds what is told of an error, in bytes.
const maxTrouble = 300

// RetryAt is after what time Step should be called again for a record, were there no event before; 0 for one that is closed.
func RetryAt(record api.Build, now time.Time) time.Duration {
	switch {
	case record.State == api.BuildSucceeded, record.State == api.BuildFailed:
		return 0
	case record.RetryAt != nil && record.RetryAt.After(now):
		return record.RetryAt.Sub(now)
	case record.State == api.BuildRunning:
		return runningCheck
	case record.QueuedAt != nil:
		return queueCheck
	default:
		return errandCheck
	}
}

// troubled writes down that the platform keeps a build from going on, since when, and when it is tried again.
// A registry that asks to be left alone is, for as long as it says.
func (c Config) troubled(record *api.Build, err error, now time.Time) {
	at := metav1.NewTime(now).Rfc3339Copy()
	if record.TroubleSince == nil {
		record.TroubleSince = &at
	}
	record.Troubles++
	delay := backoff(record.Troubles, firstAsk, c.longest(lastAsk))
	var trouble *registry.Trouble
	if errors.As(err, &trouble) {
		delay = max(delay, trouble.RetryAfter)
	}
	retryAfter(record, delay, now)
	record.Message = fmt.Sprintf("%s; since %s, tried again at %s", oneLine(err.Error(), maxTrouble),
		clock(record.TroubleSince.Time), clock(record.RetryAt.Time))
}

// longest is a bound of delays as the administrator has it.
func (c Config) longest(usual time.Duration) time.Duration {
	if c.LongestRetry > 0 {
		return min(usual, c.LongestRetry)
	}
	return usual
}

// untroubled writes down that what was tried did not fail.
func untroubled(record *api.Build) {
	record.TroubleSince, record.Troubles, record.RetryAt = nil, 0, nil
}

func retryAfter(record *api.Build, delay time.Duration, now time.Time) {
	// To the next whole second: records have no smaller ones.
	at := metav1.NewTime(now.Add(delay + time.Second - 1)).Rfc3339Copy()
	record.RetryAt = &at
}

// mustWait tells that it is not the time yet to try again.
func mustWait(record *api.Build, now time.Time) bool {
	return record.RetryAt != nil && now.Before(record.RetryAt.Time)
}

// backoff doubles a delay with each time, from the first.
func backoff(times int, first, last time.Duration) time.Duration {
	return min(first<<min(max(times-1, 0), 16), last)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05 UTC") }

// urlUser is the user name and password of a URL. A token is often the name alone.
var urlUser = regexp.MustCompile(`://[^/\s]+@`)

// oneLine makes a text fit for a message of at most so many bytes.
func oneLine(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, urlUser.ReplaceAllString(strings.ToValidUTF8(text, "\uFFFD"), "://***@"))
	if len(text) <= most {
		return text
	}
	const more = "…"
	return strings.ToValidUTF8(text[:most-len(more)], "") + more
}
