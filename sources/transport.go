package sources

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// transport sends requests itself or by the proxy that the environment names (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
//
// Itself, it connects to no address that is not allowed, whatever a name was looked up to. A proxy is the administrator's
// choice, wherever it is; it looks the names up, and has to refuse what it must not reach.
type transport struct {
	proxy           func(*http.Request) (*url.URL, error)
	direct, proxied *http.Transport
}

// newTransport makes a transport; resolver looks names up, nil for the system's.
func newTransport(allowed Allowed, resolver *net.Resolver) *transport {
	t := &transport{
		proxy:   http.ProxyFromEnvironment,
		direct:  connections(net.Dialer{Resolver: resolver, Control: allowed.control}),
		proxied: connections(net.Dialer{}),
	}
	t.proxied.Proxy = func(r *http.Request) (*url.URL, error) { return t.proxy(r) }
	return t
}

// newOwnTransport makes the transport for credentials with an authority or a proxy of their own. That proxy has to be at an
// address that is allowed.
func newOwnTransport(allowed Allowed, resolver *net.Resolver, c *Credentials) (*transport, error) {
	t := newTransport(allowed, resolver)
	if c.CA != "" {
		authorities, err := c.authorities()
		if err != nil {
			return nil, err
		}
		t.direct.TLSClientConfig = &tls.Config{RootCAs: authorities}
		t.proxied.TLSClientConfig = &tls.Config{RootCAs: authorities}
	}
	by, err := c.proxy()
	if err != nil {
		return nil, err
	}
	if by != nil {
		t.proxy = http.ProxyURL(by)
		t.proxied.DialContext = t.direct.DialContext
	}
	return t, nil
}

// CloseIdleConnections closes connections that are not in use.
func (t *transport) CloseIdleConnections() {
	t.direct.CloseIdleConnections()
	t.proxied.CloseIdleConnections()
}

// RoundTrip is that of http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	proxy, err := t.proxy(r)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find out the proxy: %w", err)
	case proxy == nil:
		return t.direct.RoundTrip(r)
	}
	return t.proxied.RoundTrip(r)
}

func connections(dialer net.Dialer) *http.Transport {
	dialer.Timeout, dialer.KeepAlive = 10*time.Second, 30*time.Second
	return &http.Transport{
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1000,
		MaxIdleConnsPerHost:    4,
		IdleConnTimeout:        5 * time.Minute, // longer than the usual interval, so that a poll finds its connection
		TLSHandshakeTimeout:    10 * time.Second,
		ResponseHeaderTimeout:  30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// Packs are compressed already, and what is bounded should be what was sent.
		DisableCompression: true,
	}
}

// control refuses, as the Control of a net.Dialer, to connect to an address that is not allowed. There it is too late for a
// name to come to another address.
func (a Allowed) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("connect to %q: %w", address, err)
	}
	return a.address(to.Addr())
}

// mayAsk refuses a request to u, as far as u itself says where it goes: the dialer sees what a name comes to.
func (a Allowed) mayAsk(repo Repository, u *url.URL) error {
	if !a.scheme(u.Scheme) {
		return notAllowed(repo, u, nil, fmt.Sprintf("the scheme %s is not allowed", u.Scheme), schemesFlag)
	}
	host, err := canonicalHost(u.Hostname())
	if err != nil {
		return failf(ErrInvalid, err, "the repository %s%s cannot be asked: its host is neither a name nor an address as it is usually written",
			displayURL(repo.URL), redirects(repo, u))
	}
	if !a.host(host) {
		return notAllowed(repo, u, nil, fmt.Sprintf("the host %s is not allowed", printable(host)), hostsFlag)
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return a.refusal(repo, u, a.address(address))
	}
	return nil
}

// refusal gives the refusal of an address that is in err its message; other errors give nil.
func (a Allowed) refusal(repo Repository, u *url.URL, err error) error {
	var refused *refusedAddress
	if !errors.As(err, &refused) {
		return nil
	}
	where := "the address " + refused.address.String()
	if _, literal := netip.ParseAddr(u.Hostname()); literal != nil && repo.Credentials != nil && repo.Credentials.Proxy != "" {
		return notAllowed(repo, u, refused, "its proxy has "+where+", which is "+refused.what, addressesFlag)
	}
	if name, err := canonicalHost(u.Hostname()); err == nil && name != refused.address.String() {
		where = printable(name) + " has " + where
		return notAllowed(repo, u, refused, where+", which is "+refused.what, addressesFlag)
	}
	return notAllowed(repo, u, refused, where+" is "+refused.what, addressesFlag)
}

// notAllowed says which request of a repository is refused, why, and who can allow it.
func notAllowed(repo Repository, u *url.URL, cause error, why, flag string) error {
	return failf(ErrNotAllowed, cause, "the repository %s%s may not be asked: %s; an administrator can allow it (--%s)",
		displayURL(repo.URL), redirects(repo, u), why, flag)
}

// redirects says where to, of a request that a redirect led to another host.
func redirects(repo Repository, u *url.URL) string {
	if ownHost(repo, u) {
		return ""
	}
	return " redirects to " + printable(u.Scheme+"://"+u.Host) + ", which"
}
