package sources

import "strings"

// elsewhereError is an error that asking another repository of the same host came to, as if this one had been asked.
type elsewhereError struct {
	cause  error
	of, at string // as displayURL shows them
}

// Error is the message with this repository's address in place of the other's, which may be nobody else's business.
func (e *elsewhereError) Error() string {
	return strings.ReplaceAll(e.cause.Error(), e.of, e.at)
}

func (e *elsewhereError) Unwrap() error { return e.cause }
