package sources

import "time"

// Observation is what a Poller knows about one watched repository.
type Observation[T any] struct {
	// Repository is what was asked, without credentials.
	Repository Repository
	// Commit is the last commit that was read, and Value what was read from it. Commit is empty while none was.
	Commit string
	Value  T
	// Seen is the commit that the ref named when it was last resolved. It differs from Commit when reading it failed.
	Seen string
	// Err is why the last poll failed, or nil. A failing poll keeps Commit, Value and Seen.
	Err error
	// FailingSince is when the first of the present row of failures happened; zero when Err is nil.
	FailingSince time.Time
	// Polled is when the last poll ended.
	Polled time.Time
}

// differs says whether somebody who knew before would want to know after.
func (o Observation[T]) differs(after Observation[T]) bool {
	return o.Polled.IsZero() || o.Commit != after.Commit || o.Seen != after.Seen || errorText(o.Err) != errorText(after.Err)
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// after is the observation that a poll ending at now makes of o.
func (o Observation[T]) after(p poll[T], now time.Time) Observation[T] {
	o.Polled = now
	if p.seen != "" {
		o.Seen = p.seen
	}
	if p.read {
		o.Commit, o.Value = p.seen, p.value
	}
	if p.err != nil && o.Err == nil {
		o.FailingSince = now
	}
	if p.err == nil {
		o.FailingSince = time.Time{}
	}
	o.Err = p.err
	return o
}

// poll is what came of asking once.
type poll[T any] struct {
	seen  string // empty when resolving failed
	value T
	read  bool // whether value was read
	err   error
}
