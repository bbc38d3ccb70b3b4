package sources

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
)

const (
	maxAdvertisement = 64 << 10
	maxRoutes        = 20_000
)

// route is how a repository is asked: the address that answers, after redirects, and what it can do.
type route struct {
	base string
	// known says whether the capabilities were asked for; they need not be for ls-refs.
	known        bool
	capabilities capabilities
}

// capabilities are what this package uses of a server's advertisement.
type capabilities struct {
	fetch   bool
	shallow bool
	filter  bool
}

// routes remembers the route of each repository, by its URL.
type routes struct {
	mu    sync.Mutex
	byURL map[string]route
}

func newRoutes() *routes { return &routes{byURL: map[string]route{}} }

func (r *routes) get(url string) (route, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.byURL[url]
	return found, ok
}

func (r *routes) put(url string, found route) {
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

// along runs ask with the route that is remembered (or, when the capabilities are not needed, with the plain address),
// and again with one that was just asked for when the server refuses the first.
func (c *Client) along(ctx context.Context, repo Repository, needCapabilities bool, ask func(route) error) error {
	first, remembered := c.routes.get(repo.URL)
	if !remembered {
		first = route{base: strings.TrimRight(repo.URL, "/")}
	}
	if first.known || !needCapabilities {
		err := ask(first)
		if err == nil || !refused(err) {
			return err
		}
		c.routes.forget(repo.URL)
	}
	found, err := c.discover(ctx, repo)
	if err != nil {
		return err
	}
	if err := ask(found); err != nil {
		return err
	}
	c.routes.put(repo.URL, found)
	return nil
}

// refused says whether another way of asking may help.
func refused(err error) bool {
	return errors.Is(err, ErrProtocol) || errors.Is(err, ErrNotFound) || errors.Is(err, errServerFault)
}

// discover asks for the capabilities: the first half of the full exchange of gitprotocol-v2.
func (c *Client) discover(ctx context.Context, repo Repository) (route, error) {
	body, base, err := c.get(ctx, repo, maxAdvertisement)
	if err != nil {
		return route{}, err
	}
	defer body.Close()
	found, err := readCapabilities(body)
	switch {
	case errors.Is(err, errNotVersion2):
		return route{}, failf(ErrProtocol, err, "the server of %s does not speak git protocol version 2", displayURL(repo.URL))
	case errors.Is(err, errObjectFormat):
		return route{}, failf(ErrProtocol, err, "the repository %s has an object format other than SHA-1, which is not supported", displayURL(repo.URL))
	case err != nil:
		return route{}, wireError(repo, err)
	}
	return route{base: base, known: true, capabilities: found}, nil
}

var (
	errNotVersion2  = errors.New("not protocol version 2")
	errObjectFormat = errors.New("not SHA-1")
)

// readCapabilities reads a version 2 advertisement.
func readCapabilities(r io.Reader) (capabilities, error) {
	packets := newPacketReader(r)
	kind, line, err := packets.next()
	if err == nil && kind == packetData && strings.HasPrefix(string(line), "# service=") {
		if kind, line, err = packets.next(); err == nil && kind == packetFlush {
			kind, line, err = packets.next()
		}
	}
	if err != nil {
		return capabilities{}, noEOF(err)
	}
	if kind != packetData || string(trimLine(line)) != "version 2" {
		return capabilities{}, errNotVersion2
	}
	var found capabilities
	for {
		kind, line, err := packets.next()
		if err != nil {
			return capabilities{}, noEOF(err)
		}
		if kind != packetData {
			return found, nil
		}
		if err := found.add(string(trimLine(line))); err != nil {
			return capabilities{}, err
		}
	}
}

func (c *capabilities) add(line string) error {
	name, value, _ := strings.Cut(line, "=")
	switch name {
	case "fetch":
		c.fetch = true
		for feature := range strings.FieldsSeq(value) {
			c.shallow = c.shallow || feature == "shallow"
			c.filter = c.filter || feature == "filter"
		}
	case "object-format":
		if value != "sha1" {
			return errObjectFormat
		}
	}
	return nil
}

// wireError gives an error of reading an answer its message; those that have one keep it.
func wireError(repo Repository, err error) error {
	if f := (*failure)(nil); errors.As(err, &f) {
		return err
	}
	if local := (*storeError)(nil); errors.As(err, &local) {
		return local
	}
	return failf(ErrProtocol, err, "the server of %s does not answer as git protocol version 2 wants it: %s", displayURL(repo.URL), printable(err.Error()))
}
