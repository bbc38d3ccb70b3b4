package sources

import (
	"net/http"
	"sync"
	"time"
)

// maxTransports bounds how many ways beside the usual one, by authority and proxy, are kept with their connections.
const maxTransports = 64

// transports are the ways in which credentials want their host to be reached.
type transports struct {
	make func(*Credentials) (http.RoundTripper, error)

	mu    sync.Mutex
	byWay map[way]*keptTransport
}

// way is what of credentials decides how a host is reached.
type way struct{ ca, proxy string }

type keptTransport struct {
	http.RoundTripper
	used time.Time
}

// of is the transport for credentials that name an authority or a proxy.
func (t *transports) of(c *Credentials) (http.RoundTripper, error) {
	key := way{c.CA, c.Proxy}
	t.mu.Lock()
	defer t.mu.Unlock()
	if found, ok := t.byWay[key]; ok {
		found.used = time.Now()
		return found, nil
	}
	made, err := t.make(c)
	if err != nil {
		return nil, err
	}
	t.makeRoom()
	kept := &keptTransport{made, time.Now()}
	t.byWay[key] = kept
	return kept, nil
}

// makeRoom forgets the one that was not used for longest, if there are many.
func (t *transports) makeRoom() {
	if len(t.byWay) < maxTransports {
		return
	}
	var oldest way
	var found *keptTransport
	for key, kept := range t.byWay {
		if found == nil || kept.used.Before(found.used) {
			oldest, found = key, kept
		}
	}
	delete(t.byWay, oldest)
	if closer, ok := found.RoundTripper.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

// transport is how a repository is asked over HTTP.
func (c *Client) transport(repo Repository) (http.RoundTripper, error) {
	if repo.Credentials == nil || repo.Credentials.CA == "" && repo.Credentials.Proxy == "" {
		return c.opts.Transport, nil
	}
	return c.transports.of(repo.Credentials)
}
