package sources

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
)

const (
	maxRoutes = 20_000
	maxHosts  = 5_000
)

// route is how a repository is asked: the address that answers, after redirects, and what it can do.
type route struct {
	base string
	// known says whether the capabilities were asked for; they need not be for ls-refs of version 2.
	known bool
	capabilities
	// scan is what an advertisement that was just read was looked through by; nil of a route that is remembered.
	scan *refScan
}

// routes remembers the route of each repository, by its URL, and the hosts that take no command before they were asked for
// their capabilities.
type routes struct {
	mu       sync.Mutex
	byURL    map[string]route
	indirect map[string]struct{}
}

func newRoutes() *routes { return &routes{byURL: map[string]route{}, indirect: map[string]struct{}{}} }

func (r *routes) get(url string) (route, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.byURL[url]
	return found, ok
}

func (r *routes) put(url string, found route) {
	found.scan = nil
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.byURL) >= maxRoutes {
		clear(r.byURL) // it is a memory only: each is found again when it is needed
	}
	r.byURL[url] = found
}

func (r *routes) forget(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byURL, url)
}

// isIndirect says whether the host of a URL is to be asked for its capabilities first.
func (r *routes) isIndirect(url string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.indirect[origin(url)]
	return ok
}

func (r *routes) setIndirect(url string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.indirect) >= maxHosts {
		clear(r.indirect)
	}
	r.indirect[origin(url)] = struct{}{}
}

// origin is the scheme, host and port of a URL.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// along runs ask with the route that is remembered (or, when the capabilities are not needed, with the plain address),
// and again with one that was just asked for when the server refuses the first. What is asked for is looked through by scan.
func (c *Client) along(ctx context.Context, repo Repository, needCapabilities bool, scan *refScan, ask func(route) error) error {
	first, remembered := c.routes.get(repo.URL)
	if !remembered {
		first = route{base: strings.TrimRight(repo.URL, "/")}
	}
	var refusal error
	if first.known || !needCapabilities && (remembered || !c.routes.isIndirect(repo.URL)) {
		if refusal = ask(first); refusal == nil || !refused(refusal) {
			return refusal
		}
		c.routes.forget(repo.URL)
	}
	found, err := c.discover(ctx, repo, scan)
	if err != nil {
		return err
	}
	if err := ask(found); err != nil {
		return err
	}
	c.routes.put(repo.URL, found)
	if errors.Is(refusal, ErrProtocol) && !remembered {
		c.routes.setIndirect(repo.URL)
	}
	return nil
}

// refused says whether another way of asking may help.
func refused(err error) bool {
	return errors.Is(err, ErrProtocol) || errors.Is(err, ErrNotFound) || errors.Is(err, errServerFault)
}

// discover asks for the capabilities: the first half of the full exchange of gitprotocol-v2, and of the older ones, of
// which it has the refs too.
func (c *Client) discover(ctx context.Context, repo Repository, scan *refScan) (route, error) {
	body, base, err := c.get(ctx, repo, c.opts.MaxRefs)
	if err != nil {
		return route{}, err
	}
	defer body.Close()
	found, err := readAdvertisement(newPacketReader(body), scan)
	if err != nil {
		return route{}, advertisementError(repo, err)
	}
	return route{base: base, known: true, capabilities: found, scan: scan}, nil
}

func advertisementError(repo Repository, err error) error {
	if errors.Is(err, errObjectFormat) {
		return failf(ErrProtocol, err, "the repository %s has an object format other than SHA-1, which is not supported", displayURL(repo.URL))
	}
	return wireError(repo, err)
}

// wireError gives an error of reading an answer its message; those that have one keep it.
func wireError(repo Repository, err error) error {
	if f := (*failure)(nil); errors.As(err, &f) {
		return err
	}
	if local := (*storeError)(nil); errors.As(err, &local) {
		return local
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return unreachable(repo, err)
	}
	return failf(ErrProtocol, err, "the server of %s does not answer as git's protocol wants it: %s", displayURL(repo.URL), printable(err.Error()))
}
