package sources

import "time"

// Observation is what a Poller knows under one name.
type Observation[T any] struct {
	// Repository is what was asked, without credentials.
	Repository Repository
	// Commit is the last commit that was read, and Value what was read from it. Commit is empty while none was.
	Commit string
	Value  T
	// Reading says what Value is of: the one that was given to Watch when it was read. Until a changed one was read, it
	// is still the earlier one, and Value too.
	Reading string
	// Seen is the commit that the ref named when it was last resolved. It differs from Commit when reading it failed.
	Seen string
	// Err is why the last poll failed, or nil. A failing poll keeps Commit, Value, Reading and Seen.
	Err error
	// FailingSince is when the first of the present row of failures happened; zero when Err is nil.
	FailingSince time.Time
	// Polled is when the last poll ended.
	Polled time.Time
}

// differs says whether somebody who knew before would want to know after.
func (o Observation[T]) differs(after Observation[T]) bool {
	return o.Polled.IsZero() || o.Commit != after.Commit || o.Reading != after.Reading || o.Seen != after.Seen ||
		errorText(o.Err) != errorText(after.Err)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// after is the observation that a poll ending at now makes of o. Seen is empty when resolving failed.
func (o Observation[T]) after(seen, reading string, got outcome[T], now time.Time) Observation[T] {
	o.Polled = now
	if seen != "" {
		o.Seen = seen
	}
	if got.err == nil {
		o.Commit, o.Reading, o.Value = seen, reading, got.value
		o.FailingSince = time.Time{}
	} else if o.Err == nil {
		o.FailingSince = now
	}
	o.Err = got.err
	return o
}
