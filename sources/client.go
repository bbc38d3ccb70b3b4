package sources

import (
	"cmp"
	"context"
	"net/http"
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
	// MaxLarge bounds how many packs of more than 8 MiB are read at once, and so the memory; default 2.
	MaxLarge int
	// Allowed says which servers may be asked; default every one with a public address.
	Allowed Allowed
	// Transport sends the requests; default one that keeps connections alive and refuses addresses that are not allowed. To
	// another one, addresses that are written in URLs are refused, but names may come to any. An http.Client is not used,
	// because redirects are followed here, where it is known which host credentials may go to.
	Transport http.RoundTripper
}

// Client asks git servers. It is safe for concurrent use; make one and keep it, it keeps connections alive.
type Client struct {
	opts   ClientOptions
	routes *routes
	large  chan struct{}
}

// NewClient makes a Client.
func NewClient(opts ClientOptions) *Client {
	opts.UserAgent = cmp.Or(opts.UserAgent, "toolforged")
	opts.Timeout = cmp.Or(opts.Timeout, 30*time.Second)
	opts.MaxPack = cmp.Or(opts.MaxPack, 64<<20)
	opts.MaxUnpacked = cmp.Or(opts.MaxUnpacked, 128<<20)
	opts.MaxObjects = cmp.Or(opts.MaxObjects, 200_000)
	opts.MaxLarge = cmp.Or(opts.MaxLarge, 2)
	if opts.Transport == nil {
		opts.Transport = newTransport(opts.Allowed, nil)
	}
	return &Client{
		opts:   opts,
		routes: newRoutes(),
		large:  make(chan struct{}, opts.MaxLarge),
	}
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
	// large has room for as many packs of more than largePack bytes as may be read at once; nil means any number.
	large chan struct{}
}

const largePack = 8 << 20

func (c *Client) openLimits() limits {
	return limits{
		pack:     c.opts.MaxPack,
		objects:  c.opts.MaxObjects,
		unpacked: c.opts.MaxUnpacked,
		object:   c.opts.MaxUnpacked,
		large:    c.large,
	}
}
