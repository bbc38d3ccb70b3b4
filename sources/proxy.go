package sources

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"golang.org/x/net/proxy"
)

// errProxy says that a proxy does not connect.
var errProxy = errors.New("the proxy does not connect")

// dialThrough connects to address (host:port) by a proxy.
func dialThrough(ctx context.Context, dialer *net.Dialer, by *url.URL, config *tls.Config, address string) (net.Conn, error) {
	at := proxyAddress(by)
	if by.Scheme == "socks5" {
		var auth *proxy.Auth
		if by.User != nil {
			password, _ := by.User.Password()
			auth = &proxy.Auth{User: by.User.Username(), Password: password}
		}
		socks, err := proxy.SOCKS5("tcp", at, auth, dialer)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errProxy, err)
		}
		return socks.(proxy.ContextDialer).DialContext(ctx, "tcp", address)
	}
	conn, err := dialer.DialContext(ctx, "tcp", at)
	if err != nil {
		return nil, err
	}
	if by.Scheme == "https" {
		conn = tls.Client(conn, config)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	tunnel, err := connectThrough(conn, by, address)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	return tunnel, nil
}

// maxConnectAnswer bounds what a proxy says before the tunnel begins, in bytes.
const maxConnectAnswer = 64 << 10

// connectThrough asks an HTTP proxy for a tunnel (RFC 9110, 9.3.6).
func connectThrough(conn net.Conn, by *url.URL, address string) (net.Conn, error) {
	request := &http.Request{Method: http.MethodConnect, URL: &url.URL{Opaque: address}, Host: address, Header: http.Header{}}
	if by.User != nil {
		password, _ := by.User.Password()
		request.Header.Set("Proxy-Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(by.User.Username()+":"+password)))
	}
	if err := request.Write(conn); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(io.LimitReader(conn, maxConnectAnswer))
	answer, err := http.ReadResponse(reader, request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: it answers %d %s", errProxy, answer.StatusCode, http.StatusText(answer.StatusCode))
	}
	ahead, err := reader.Peek(reader.Buffered())
	if err != nil {
		return nil, err
	}
	return &tunnel{Conn: conn, reader: io.MultiReader(bytes.NewReader(bytes.Clone(ahead)), conn)}, nil
}

// tunnel is a connection of which the first bytes were read with the proxy's answer.
type tunnel struct {
	net.Conn
	reader io.Reader
}

func (t *tunnel) Read(p []byte) (int, error) { return t.reader.Read(p) }

func proxyAddress(by *url.URL) string {
	if by.Port() != "" {
		return by.Host
	}
	switch by.Scheme {
	case "https":
		return net.JoinHostPort(by.Hostname(), "443")
	case "socks5":
		return net.JoinHostPort(by.Hostname(), "1080")
	}
	return net.JoinHostPort(by.Hostname(), "80")
}
