package sources

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// ClientOptions bound what a Client does; the zero value of each field stands for its default.
type ClientOptions struct {
	// UserAgent names this program to servers; default "toolforged".
	UserAgent string
	// Timeout bounds each Resolve, Open and ReadFile; default 30 s. A context may end earlier.
	Timeout time.Duration
	// MaxPack bounds the bytes of a pack that Open accepts; default 64 MiB.
	MaxPack int64
	// MaxUnpacked bounds the sum of all objects of a pack that Open accepts; default 128 MiB.
	MaxUnpacked int64
	// MaxObjects bounds the number of objects of a pack that Open accepts; default 200,000.
	MaxObjects int
	// MaxRefs bounds the bytes that are read of a list of all refs, which servers send that speak no version 2; default 128 MiB.
	// None of it is kept.
	MaxRefs int64
	// MaxLarge bounds how many snapshots of more than 4 MiB there are at once, and so the memory; default 3.
	MaxLarge int
	// Allowed says which servers may be asked; default every one with a public address.
	Allowed Allowed
	// Transport sends the requests; default one that keeps connections alive and refuses addresses that are not allowed. To
	// another one, addresses that are written in URLs are refused, but names may come to any. An http.Client is not used,
	// because redirects are followed here, where it is known which host credentials may go to. Repositories whose credentials
	// name an authority or a proxy are asked by another one, and so are those over SSH.
	Transport http.RoundTripper
}

// Client asks git servers. It is safe for concurrent use; make one and keep it, it keeps connections alive.
type Client struct {
	opts       ClientOptions
	routes     *routes
	transports *transports
	ssh        *sshPool
	resolver   *net.Resolver // of SSH; nil for the system's
	large      chan struct{}
}

// NewClient makes a Client.
func NewClient(opts ClientOptions) *Client {
	opts.UserAgent = cmp.Or(opts.UserAgent, "toolforged")
	opts.Timeout = cmp.Or(opts.Timeout, 30*time.Second)
	opts.MaxPack = cmp.Or(opts.MaxPack, 64<<20)
	opts.MaxUnpacked = cmp.Or(opts.MaxUnpacked, 128<<20)
	opts.MaxObjects = cmp.Or(opts.MaxObjects, 200_000)
	opts.MaxLarge = cmp.Or(opts.MaxLarge, 3)
	opts.MaxRefs = cmp.Or(opts.MaxRefs, 128<<20)
	if opts.Transport == nil {
		opts.Transport = newTransport(opts.Allowed, nil)
	}
	c := &Client{
		opts:   opts,
		routes: newRoutes(),
		large:  make(chan struct{}, opts.MaxLarge),
	}
	c.transports = &transports{byWay: map[way]*keptTransport{}, make: func(credentials *Credentials) (http.RoundTripper, error) {
		return newOwnTransport(opts.Allowed, c.resolver, credentials)
	}}
	c.ssh = newSSHPool(c.dialSSH)
	return c
}

// bounded gives ctx the client's own deadline.
func (c *Client) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.opts.Timeout)
}

// limits bound one answer to a fetch.
type limits struct {
	pack     int64 // bytes of the answer's body
	objects  int   // number of objects
	unpacked int64 // sum of the objects' sizes, deltas and what they give counted both
	object   int64 // size of one blob
	// share is waited for before more than largePack bytes are kept; nil for no such bound.
	share *share
}

const largePack = 4 << 20

// openLimits are those of one snapshot, whose share is given back when ctx ends.
func (c *Client) openLimits(ctx context.Context) limits {
	s := &share{of: c.large}
	context.AfterFunc(ctx, s.release)
	return limits{
		pack:     c.opts.MaxPack,
		objects:  c.opts.MaxObjects,
		unpacked: c.opts.MaxUnpacked,
		object:   c.opts.MaxUnpacked,
		share:    s,
	}
}

// share is the leave to hold much memory, of which there are as many as its channel has room for.
type share struct {
	of chan struct{}

	mu       sync.Mutex
	held     bool
	released bool
}

// acquire waits until there is one, unless it is held already.
func (s *share) acquire(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.held:
		return nil
	case s.released:
		return context.Canceled
	}
	select {
	case s.of <- struct{}{}:
		s.held = true
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release gives it back, for good.
func (s *share) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held {
		<-s.of
	}
	s.held, s.released = false, true
}
