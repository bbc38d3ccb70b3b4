package sources

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// sshTarget is where and as whom the repository is asked. It refuses what is not allowed and what cannot be known.
func (c *Client) sshTarget(repo Repository) (sshTarget, error) {
	u, err := url.Parse(repo.URL)
	if err != nil {
		return sshTarget{}, failf(ErrInvalid, nil, "the repository's URL %s cannot be asked", displayURL(repo.URL))
	}
	if err := c.opts.Allowed.mayAsk(repo, u); err != nil {
		return sshTarget{}, err
	}
	if repo.Credentials == nil || repo.Credentials.Identity == "" {
		return sshTarget{}, failf(ErrAuthentication, nil, "the repository %s is asked over SSH and needs a deploy key: a Secret with %s and %s",
			displayURL(repo.URL), identityKey, knownHostsKey)
	}
	host, err := canonicalHost(u.Hostname())
	if err != nil {
		return sshTarget{}, failf(ErrInvalid, err, "the repository's URL %s cannot be asked", displayURL(repo.URL))
	}
	user := "git"
	if name := u.User.Username(); name != "" {
		user = name
	}
	return sshTarget{address: net.JoinHostPort(host, port(u)), user: user, credentials: *repo.Credentials}, nil
}

// dialSSH connects, checks the server's key and shows the deploy key.
func (c *Client) dialSSH(ctx context.Context, repo Repository, to sshTarget) (*ssh.Client, error) {
	signer, err := to.credentials.signer()
	if err != nil {
		return nil, err
	}
	known, err := parseKnownHosts(to.credentials.KnownHosts)
	if err != nil {
		return nil, err
	}
	keys, authorities := known.of(to.address)
	if len(keys) == 0 {
		return nil, unknownHost(repo, to, authorities)
	}
	conn, err := c.dialTCP(ctx, repo, to)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	config := &ssh.ClientConfig{
		User:              to.user,
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyAlgorithms: algorithms(keys),
		HostKeyCallback: func(_ string, _ net.Addr, key ssh.PublicKey) error {
			same := func(k ssh.PublicKey) bool { return bytes.Equal(k.Marshal(), key.Marshal()) }
			if known.revoked(key) || !slices.ContainsFunc(keys, same) {
				return failf(ErrAuthentication, nil, "the server of %s has the key %s, which is not the one in %s: if it was changed, an administrator has to put the new one into the Secret",
					displayURL(repo.URL), ssh.FingerprintSHA256(key), knownHostsKey)
			}
			return nil
		},
	}
	connection, channels, requests, err := ssh.NewClientConn(conn, to.address, config)
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return nil, handshakeError(ctx, repo, signer.PublicKey(), err)
	}
	return ssh.NewClient(connection, channels, requests), nil
}

func unknownHost(repo Repository, to sshTarget, authorities bool) error {
	why := "the key of " + to.address + " is not in " + knownHostsKey + ": put there what ssh-keyscan prints for it"
	if authorities {
		why = knownHostsKey + " names an authority for " + to.address + ", which is not supported: put there the host's own key"
	}
	return failf(ErrAuthentication, nil, "the repository %s is not asked: %s", displayURL(repo.URL), why)
}

func handshakeError(ctx context.Context, repo Repository, key ssh.PublicKey, err error) error {
	var f *failure
	var negotiation *ssh.AlgorithmNegotiationError
	switch {
	case errors.As(err, &f):
		return f
	case ctx.Err() != nil:
		return unreachable(repo, ctx.Err())
	case strings.Contains(err.Error(), "unable to authenticate"):
		return failf(ErrAuthentication, err, "the server of %s does not accept the deploy key %s", displayURL(repo.URL), ssh.FingerprintSHA256(key))
	case errors.As(err, &negotiation):
		return failf(ErrProtocol, err, "the server of %s and this side have no way of encryption, or no kind of the keys in %s, in common", displayURL(repo.URL), knownHostsKey)
	case transportReason(err) == printable(innermost(err).Error()):
		return failf(ErrProtocol, err, "the server of %s does not speak SSH as it should: %s", displayURL(repo.URL), printable(err.Error()))
	}
	return unreachable(repo, err)
}

// dialTCP connects to the server, itself or by the proxy of the credentials.
func (c *Client) dialTCP(ctx context.Context, repo Repository, to sshTarget) (net.Conn, error) {
	u := &url.URL{Scheme: schemeSSH, Host: to.address}
	by, err := to.credentials.proxy()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Resolver: c.resolver, Control: c.opts.Allowed.control}
	var conn net.Conn
	if by == nil {
		conn, err = dialer.DialContext(ctx, "tcp", to.address)
	} else {
		config := &tls.Config{ServerName: by.Hostname()}
		if to.credentials.CA != "" {
			if config.RootCAs, err = to.credentials.authorities(); err != nil {
				return nil, err
			}
		}
		conn, err = dialThrough(ctx, dialer, by, config, to.address)
	}
	if refused := c.opts.Allowed.refusal(repo, u, err); refused != nil {
		return nil, refused
	}
	if err != nil {
		return nil, unreachable(repo, fmt.Errorf("connect to %s: %w", to.address, err))
	}
	return conn, nil
}
