package retention

import "time"

// Policy is what the administrator decides.
type Policy struct {
	// Keep is how many of the newest images of each build are kept, and of those that were deployed well; at least 1.
	Keep int
	// Age is how long nothing must have needed what is removed.
	Age time.Duration
	// Interval is how long one pass over all tools takes.
	Interval time.Duration
}
