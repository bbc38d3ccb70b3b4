package ingress

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// errNoneReady is for a backend without a ready endpoint.
var errNoneReady = errors.New("no endpoint is ready")

const (
	// attempts bounds how often one request is sent.
	attempts = 10
	// pause is between two attempts, so that the watch can tell of an endpoint
	// that ended.
	pause = 100 * time.Millisecond
)

func newTransport() http.RoundTripper {
	return &http.Transport{
		DialContext: (&net.Dialer{Timeout: 2 * time.Second}).DialContext,
		// A connection kept open may be closed by the other side just when a
		// request is sent on it, and not every request can be sent again.
		DisableKeepAlives:  true,
		DisableCompression: true,
	}
}

// retrier sends a request to one of the endpoints, and to another when that is
// certain to have done nothing or asking twice does no harm.
type retrier struct {
	base      http.RoundTripper
	endpoints func() ([]string, error)
	next      *atomic.Uint64
}

func (t *retrier) RoundTrip(request *http.Request) (*http.Response, error) {
	body := request.Body
	if body != nil {
		// Trying to connect closes the body, even if nothing was read from it.
		defer body.Close()
	}
	var last error
	// Requests begin in turn with each endpoint; one that is sent again goes on to the next, whatever other requests do.
	first := t.next.Add(1)
	for attempt := range uint64(attempts) {
		if attempt > 0 {
			if err := wait(request.Context(), pause); err != nil {
				return nil, err
			}
		}
		address, err := t.pick(first + attempt)
		if err != nil {
			return nil, errors.Join(err, last)
		}
		out := request.Clone(request.Context())
		out.URL.Host = address
		if body != nil {
			out.Body = io.NopCloser(body)
		}
		response, err := t.base.RoundTrip(out)
		if err == nil || !again(request, err) {
			return response, err
		}
		last = err
	}
	return nil, last
}

// pick takes the nth endpoint, counted round and round.
func (t *retrier) pick(n uint64) (string, error) {
	addresses, err := t.endpoints()
	if err != nil {
		return "", err
	}
	if len(addresses) == 0 {
		return "", errNoneReady
	}
	return addresses[n%uint64(len(addresses))], nil
}

// again reports whether a request that ended with err may be sent once more:
// no connection was made, or the request changes nothing and has no body.
func again(request *http.Request, err error) bool {
	if request.Context().Err() != nil {
		return false
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return true
	}
	safe := request.Method == http.MethodGet || request.Method == http.MethodHead || request.Method == http.MethodOptions
	return safe && (request.Body == nil || request.Body == http.NoBody)
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
