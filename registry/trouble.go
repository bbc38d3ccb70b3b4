package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Trouble is that a registry did not answer as it should. The same request may succeed later.
type Trouble struct {
	// Reference is the image that was asked for.
	Reference string
	// RetryAfter is how long the registry asks to be left alone, at most an hour; 0 when it does not say.
	RetryAfter time.Duration
	cause      error
}

// Error says what the registry did, in words that fit on one line.
func (t *Trouble) Error() string { return fmt.Sprintf("image %s: %s", t.Reference, done(t.cause)) }

// Unwrap returns what the registry's client said.
func (t *Trouble) Unwrap() error { return t.cause }

func done(err error) string {
	var answer *transport.Error
	switch {
	case errors.As(err, &answer):
		said := fmt.Sprintf("the registry answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
		if len(answer.Errors) > 0 && answer.Errors[0].Message != "" {
			said += ": " + strings.Join(strings.Fields(answer.Errors[0].Message), " ")
		}
		return said
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "the registry reset the connection"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the registry ended the connection without an answer"
	case errors.Is(err, context.DeadlineExceeded):
		return "the registry did not answer in time"
	default:
		return fmt.Sprintf("the registry cannot be asked: %s", err)
	}
}

// explain is the error for a request about an image that failed. The context is that of the request.
func explain(ctx context.Context, reference string, err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return fmt.Errorf("image %s: %w", reference, ErrNotFound)
	}
	trouble := &Trouble{Reference: reference, cause: err}
	if pause, ok := ctx.Value(pauseKey{}).(*atomic.Int64); ok {
		trouble.RetryAfter = time.Duration(pause.Load())
	}
	return trouble
}

type pauseKey struct{}

// withPause has the context remember the pause that a registry asks for: the client's errors have no headers.
func withPause(ctx context.Context) context.Context {
	return context.WithValue(ctx, pauseKey{}, new(atomic.Int64))
}

// pauses notes the header Retry-After of answers in the contexts of their requests.
type pauses struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (p pauses) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := p.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	pause, ok := r.Context().Value(pauseKey{}).(*atomic.Int64)
	if ok && (response.StatusCode == http.StatusTooManyRequests || response.StatusCode == http.StatusServiceUnavailable) {
		pause.Store(int64(retryAfter(response.Header)))
	}
	return response, nil
}

// longestPause bounds what a registry may ask for.
const longestPause = time.Hour

// retryAfter reads the header Retry-After (RFC 9110, section 10.2.3); a date is compared with the answer's own.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, longestPause)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), longestPause)
}
