package sources

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxRetryAfter bounds for how long a server may ask to be left alone.
const maxRetryAfter = time.Hour

// busyError says that a server has too much to do, and perhaps until when. It is the cause of an error with a message.
type busyError struct {
	host       string
	retryAfter string // the header
	date       string // the server's clock
}

func (e *busyError) Error() string { return e.host + " has too much to do" }

// asksForPause is what an answer says of how busy its server is, for failf; nil when nothing. 403 with Retry-After is
// how some forges say 429.
func asksForPause(resp *http.Response) error {
	header := resp.Header.Get("Retry-After")
	switch {
	case resp.Request == nil || resp.Request.URL == nil:
		return nil
	case resp.StatusCode == http.StatusTooManyRequests:
	case header != "" && (resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusForbidden):
	default:
		return nil
	}
	return &busyError{host: strings.ToLower(resp.Request.URL.Host), retryAfter: header, date: resp.Header.Get("Date")}
}

// wait is for how long the server asks; ok is false when it does not say. Dates go by the server's own clock.
func (e *busyError) wait(now time.Time) (wait time.Duration, ok bool) {
	if date, err := http.ParseTime(e.date); err == nil {
		now = date
	}
	return parseRetryAfter(e.retryAfter, now)
}

// parseRetryAfter reads a Retry-After header, seconds or a date: from now, at least 0 and at most maxRetryAfter.
func parseRetryAfter(header string, now time.Time) (wait time.Duration, ok bool) {
	header = strings.TrimSpace(header)
	if header == "" || len(header) > 100 {
		return 0, false
	}
	if strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseInt(header, 10, 64)
		if err != nil || seconds > int64(maxRetryAfter/time.Second) {
			return maxRetryAfter, true // a number too large for an int64 is large
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0, false
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}
