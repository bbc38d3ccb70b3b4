package sources

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// names is a DNS server, and the addresses that each name has.
type names struct {
	mu        sync.Mutex
	addresses map[string][]netip.Addr
}

func (n *names) set(name string, addresses ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.addresses[name+"."] = nil
	for _, a := range addresses {
		n.addresses[name+"."] = append(n.addresses[name+"."], netip.MustParseAddr(a))
	}
}

// newNames starts the server and returns a resolver that asks it.
func newNames(t *testing.T) (*names, *net.Resolver) {
	t.Helper()
	n := &names{addresses: map[string][]netip.Addr{}}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		question := make([]byte, 512)
		for {
			length, from, err := conn.ReadFrom(question)
			if err != nil {
				return
			}
			if answer := n.answer(question[:length]); answer != nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	return n, &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func (n *names) answer(question []byte) []byte {
	var message dnsmessage.Message
	if message.Unpack(question) != nil || len(message.Questions) != 1 {
		return nil
	}
	asked := message.Questions[0]
	answer := dnsmessage.Message{Header: dnsmessage.Header{ID: message.ID, Response: true, Authoritative: true}, Questions: message.Questions}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.addresses[asked.Name.String()] {
		header := dnsmessage.ResourceHeader{Name: asked.Name, Type: asked.Type, Class: asked.Class}
		switch {
		case a.Is4() && asked.Type == dnsmessage.TypeA:
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AResource{A: a.As4()}})
		case a.Is6() && asked.Type == dnsmessage.TypeAAAA:
			answer.Answers = append(answer.Answers, dnsmessage.Resource{Header: header, Body: &dnsmessage.AAAAResource{AAAA: a.As16()}})
		}
	}
	packed, err := answer.Pack()
	if err != nil {
		return nil
	}
	return packed
}

// neighbours are two servers at the same port: one at 127.0.0.2, which stands for a public address, and one at 127.0.0.1,
// which nobody may ask.
type neighbours struct {
	port     string
	internal atomic.Int32 // connections to the one at 127.0.0.1
	client   *Client      // may ask 127.0.0.2
	names    *names
}

func newNeighbours(t *testing.T, public http.Handler) *neighbours {
	t.Helper()
	n := &neighbours{}
	outside := serveAt(t, "127.0.0.2:0", public, nil)
	_, n.port, _ = net.SplitHostPort(outside.Listener.Addr().String())
	serveAt(t, "127.0.0.1:"+n.port, public, func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.internal.Add(1)
		}
	})
	var resolver *net.Resolver
	n.names, resolver = newNames(t)
	allowed := parsed(t, "-git-addresses=127.0.0.2")
	n.client = NewClient(ClientOptions{Allowed: allowed, Transport: newTransport(allowed, resolver)})
	return n
}

func serveAt(t *testing.T, address string, handler http.Handler, state func(net.Conn, http.ConnState)) *httptest.Server {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(handler)
	_ = server.Listener.Close()
	server.Listener, server.Config.ConnState = listener, state
	server.Start()
	t.Cleanup(server.Close)
	return server
}

// wantRefused wants an error for administrators that names what it says.
func wantRefused(t *testing.T, err error, says ...string) {
	t.Helper()
	if !errors.Is(err, ErrNotAllowed) || !Mendable(err) {
		t.Fatalf("got %v, want ErrNotAllowed", err)
	}
	for _, s := range append(says, "an administrator can allow it (--git-") {
		if !strings.Contains(err.Error(), s) {
			t.Errorf("%q does not say %q", err, s)
		}
	}
}

// A name that comes to another address at every lookup.
func TestRebinding(t *testing.T) {
	git := newGitServer(t)
	repo := git.create(t, "tool")
	commit := repo.commit(map[string]string{"toolforge.yaml": "a"})
	n := newNeighbours(t, git.Config.Handler)
	at := Repository{URL: "http://rebind.example:" + n.port + "/tool", Ref: "main"}

	n.names.set("rebind.example", "127.0.0.2")
	if got, err := n.client.Resolve(t.Context(), at); err != nil || got != commit {
		t.Fatalf("got %q, %v", got, err)
	}
	for _, address := range []string{"127.0.0.1", "0.0.0.0", "169.254.169.254", "10.96.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::1"} {
		n.names.set("rebind.example", address)
		n.client.opts.Transport.(*transport).direct.CloseIdleConnections()
		_, resolveErr := n.client.Resolve(t.Context(), at)
		_, openErr := n.client.Open(t.Context(), at, commit)
		for _, err := range []error{resolveErr, openErr} {
			wantRefused(t, err, at.URL, "rebind.example has the address ", strings.TrimPrefix(address, "::ffff:"), "--git-addresses")
		}
	}
	// Of several addresses, those that are allowed are asked.
	n.names.set("rebind.example", "127.0.0.1", "127.0.0.2")
	if got, err := n.client.Resolve(t.Context(), at); err != nil || got != commit {
		t.Errorf("got %q, %v", got, err)
	}
	if count := n.internal.Load(); count != 0 {
		t.Errorf("%d connections to an address that is not allowed", count)
	}
}

func TestRedirectToWhatIsNotAllowed(t *testing.T) {
	var location string
	n := newNeighbours(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, location+r.URL.RequestURI(), http.StatusFound)
	}))
	n.names.set("forge.example", "127.0.0.2")
	n.names.set("intern.example", "127.0.0.1")
	n.client.opts.Allowed.Hosts = []string{"forge.example", "intern.example", "169.254.169.254", "::1", "::ffff:169.254.169.254"}
	at := Repository{URL: "http://forge.example:" + n.port + "/tool", Credentials: &Credentials{Username: "me", Password: "s3cret"}}
	for to, says := range map[string]string{
		"http://169.254.169.254":             "the address 169.254.169.254 is link-local",
		"http://[::ffff:169.254.169.254]":    "is link-local",
		"http://[::1]:" + n.port:             "the address ::1 is loopback",
		"http://intern.example:" + n.port:    "intern.example has the address 127.0.0.1, which is loopback",
		"http://elsewhere.example:" + n.port: "the host elsewhere.example is not allowed",
	} {
		location = to
		_, err := n.client.Resolve(t.Context(), at)
		wantRefused(t, err, at.URL+" redirects to "+to+", which", says)
	}
	if count := n.internal.Load(); count != 0 {
		t.Errorf("%d connections to an address that is not allowed", count)
	}
}

// What a URL itself says is refused without a connection, or a lookup.
func TestURLsThatAreNotAllowed(t *testing.T) {
	for _, test := range []struct{ flags, url, says string }{
		{"", "http://127.0.0.1:1/tool", "loopback"},
		{"", "http://10.0.0.1/tool", "private"},
		{"", "http://169.254.169.254/latest", "link-local"},
		{"", "http://169.254.169.254./latest", "link-local"},
		{"", "https://[::1]/tool", "loopback"},
		{"", "https://[::]/tool", "unspecified"},
		{"", "https://[::ffff:10.0.0.1]/tool", "private"},
		{"", "https://[::ffff:a00:1]/tool", "private"},
		{"", "https://[64:ff9b::a9fe:a9fe]/tool", "link-local"},
		{"", "https://[fe80::1%25eth0]/tool", "link-local"},
		{"", "https://[fd00::1]/tool", "private"},
		{"", "http://１２７.0.0.1/tool", "loopback"},
		{"-git-schemes=https", "http://forge.example/tool", "the scheme http is not allowed"},
		{"-git-hosts=forge.example", "https://other.example/tool", "the host other.example is not allowed"},
		{"-git-hosts=*.forge.example", "https://forge.example/tool", "the host forge.example is not allowed"},
		{"-git-hosts=10.0.0.1", "http://10.0.0.1/tool", "private"},
	} {
		refuses := func(*http.Request) (*http.Response, error) {
			t.Errorf("%s was asked", test.url)
			return nil, errors.ErrUnsupported
		}
		client := NewClient(ClientOptions{Allowed: parsed(t, strings.Fields(test.flags)...), Transport: roundTripper(refuses)})
		_, err := client.Resolve(t.Context(), Repository{URL: test.url, Ref: "main"})
		wantRefused(t, err, test.says)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A proxy may be anywhere. What a URL says is refused before it is asked.
func TestProxy(t *testing.T) {
	git := newGitServer(t)
	commit := git.create(t, "tool").commit(nil)
	proxy, err := url.Parse(git.URL)
	if err != nil {
		t.Fatal(err)
	}
	through := newTransport(Allowed{}, nil)
	through.proxy = http.ProxyURL(proxy)
	client := NewClient(ClientOptions{Transport: through})
	if got, err := client.Resolve(t.Context(), Repository{URL: "http://forge.example/tool", Ref: "main"}); err != nil || got != commit {
		t.Errorf("got %q, %v", got, err)
	}
	git.asked()
	_, err = client.Resolve(t.Context(), Repository{URL: "http://169.254.169.254/tool"})
	wantRefused(t, err, "link-local")
	for _, host := range []string{"127.1", "2130706433", "0x7f000001"} {
		if _, err = client.Resolve(t.Context(), Repository{URL: "http://" + host + "/tool"}); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if asked := git.asked(); len(asked) != 0 {
		t.Errorf("the proxy was asked %q", asked)
	}
}
