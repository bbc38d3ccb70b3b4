package sources

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

const acceptProtocol = "AcceptEnv GIT_PROTOCOL"

// Over SSH every version reads the same, and what may only be had by a ref that leads to it is had so.
func TestSSH(t *testing.T) {
	for name, settings := range map[string][]string{"version 2": {acceptProtocol}, "version 0": nil} {
		for _, filters := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s filters %t", name, filters), func(t *testing.T) {
				server := newSSHServer(t, settings...)
				repo := server.create(t, "tool's")
				repo.git("config", "uploadpack.allowFilter", fmt.Sprint(filters))
				older := repo.commit(map[string]string{"toolforge.yaml": "older", "app/a.txt": "a"})
				repo.git("tag", "-a", "-m", "x", "annotated")
				middle := repo.commit(map[string]string{"toolforge.yaml": "middle"})
				newest := repo.commit(map[string]string{"toolforge.yaml": "newest", "app/b.txt": "b"})
				client := newLocalClient(ClientOptions{})
				for ref, want := range map[string]string{"": newest, "main": newest, "refs/tags/annotated": older, "annotated": older} {
					if got, err := client.Resolve(t.Context(), repo.at(ref)); err != nil || got != want {
						t.Errorf("%s: got %q, %v; want %q", ref, got, err, want)
					}
				}
				if _, err := client.Resolve(t.Context(), repo.at("mai")); !errors.Is(err, ErrNoRef) {
					t.Errorf("got %v", err)
				}
				for commit, want := range map[string]string{older: "older", middle: "middle", newest: "newest"} {
					checkReads(t, client, repo, commit, want)
				}
				if _, err := client.Open(t.Context(), repo.at("main"), strings.Repeat("1", 40)); !errors.Is(err, ErrNoCommit) {
					t.Errorf("a commit that is not there: %v", err)
				}
				dir := t.TempDir()
				if _, err := client.Checkout(t.Context(), repo.at("main"), newest, dir, CheckoutOptions{}); err != nil {
					t.Fatal(err)
				}
				if data, err := os.ReadFile(filepath.Join(dir, "app/b.txt")); err != nil || string(data) != "b" {
					t.Errorf("checked out %q, %v", data, err)
				}
			})
		}
	}
}

// A server that gives no commits but those that refs name is asked for what leads to one, within the bounds.
func TestHistoryThatIsTooLarge(t *testing.T) {
	repo := newSSHServer(t).create(t, "tool")
	first := repo.commit(map[string]string{"a": "1"})
	repo.commit(map[string]string{"a": "2"})
	repo.commit(map[string]string{"a": "3"})
	_, err := newLocalClient(ClientOptions{MaxObjects: 5}).Open(t.Context(), repo.at("main"), first)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "allowReachableSHA1InWant") {
		t.Errorf("got %v", err)
	}
}

func TestSSHRefusals(t *testing.T) {
	server := newSSHServer(t, acceptProtocol)
	repo := server.create(t, "tool")
	repo.commit(nil)
	otherIdentity, otherKey := newKey(t)
	with := func(change func(*Repository)) Repository {
		at := repo.at("main")
		credentials := *server.credentials()
		at.Credentials = &credentials
		change(&at)
		return at
	}
	for name, test := range map[string]struct {
		repo Repository
		want error
		says string
	}{
		"no credentials":   {with(func(r *Repository) { r.Credentials = nil }), ErrAuthentication, "needs a deploy key: a Secret with identity and known_hosts"},
		"a password only":  {with(func(r *Repository) { r.Credentials = &Credentials{Username: "me", Password: "s3cret"} }), ErrAuthentication, "needs a deploy key"},
		"another key":      {with(func(r *Repository) { r.Credentials.Identity = otherIdentity }), ErrAuthentication, "does not accept the deploy key SHA256:"},
		"another user":     {with(func(r *Repository) { r.URL = strings.Replace(r.URL, server.user+"@", "nobody2@", 1) }), ErrAuthentication, "does not accept the deploy key"},
		"no host key":      {with(func(r *Repository) { r.Credentials.KnownHosts = "other.example " + knownKeyText(otherKey) }), ErrAuthentication, "is not in known_hosts"},
		"another host key": {with(func(r *Repository) { r.Credentials.KnownHosts = knownHostLine("127.0.0.1", server.port, otherKey) }), ErrAuthentication, "is not the one in known_hosts"},
		"revoked":          {with(func(r *Repository) { r.Credentials.KnownHosts += "@revoked * " + knownKeyText(server.hostKey) }), ErrAuthentication, "is not the one in known_hosts"},
		"no repository":    {with(func(r *Repository) { r.URL += "2" }), ErrNotFound, "does not exist, or its deploy key may not read it; the server says"},
		"nobody there": {with(func(r *Repository) {
			r.URL = "ssh://git@127.0.0.1:1/x"
			r.Credentials.KnownHosts = knownHostLine("127.0.0.1", "1", otherKey)
		}), ErrUnreachable, "the connection was refused"},
		"not allowed":       {with(func(r *Repository) { r.URL = "ssh://git@10.0.0.1/x" }), ErrNotAllowed, "the address 10.0.0.1 is private"},
		"not SSH":           {with(func(r *Repository) { r.URL, r.Credentials.KnownHosts = notSSH(t, "HTTP/1.0 400 Bad Request\r\n\r\n") }), ErrUnreachable, "the server closed the connection"},
		"endless before it": {with(func(r *Repository) { r.URL, r.Credentials.KnownHosts = notSSH(t, "") }), ErrProtocol, "does not speak SSH"},
	} {
		t.Run(name, func(t *testing.T) {
			client := newLocalClient(ClientOptions{Timeout: 20 * time.Second})
			_, err := client.Resolve(t.Context(), test.repo)
			if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
			if err != nil && (strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "PRIVATE")) {
				t.Errorf("it shows a secret: %v", err)
			}
		})
	}
}

func knownKeyText(key ssh.PublicKey) string { return string(ssh.MarshalAuthorizedKey(key)) }

// notSSH is a server that says something else, or without end, and a known_hosts for it.
func notSSH(t *testing.T, says string) (address, known string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if says != "" {
					_, _ = conn.Write([]byte(says))
					return
				}
				for {
					if _, err := conn.Write([]byte(strings.Repeat("x", 1000))); err != nil {
						return
					}
				}
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	_, key := newKey(t)
	return "ssh://git@127.0.0.1:" + port + "/tool", knownHostLine("127.0.0.1", port, key)
}

// Many repositories of a server share a connection, also when they are asked at once, and a connection that has ended is
// made again without anybody noticing.
func TestSSHConnectionIsKept(t *testing.T) {
	server := newSSHServer(t, acceptProtocol, "MaxSessions 20")
	one, two := server.create(t, "one"), server.create(t, "two")
	want := map[*testRepo]string{one: one.commit(nil), two: two.commit(map[string]string{"a": "b"})}
	client := newLocalClient(ClientOptions{})
	var dialled atomic.Int32
	dial := client.ssh.dial
	client.ssh.dial = func(ctx context.Context, repo Repository, to sshTarget) (*ssh.Client, error) {
		dialled.Add(1)
		return dial(ctx, repo, to)
	}
	ask := func() {
		var group sync.WaitGroup
		for repo, commit := range want {
			for range 3 {
				group.Go(func() {
					if got, err := client.Resolve(t.Context(), repo.at("main")); err != nil || got != commit {
						t.Errorf("got %q, %v", got, err)
					}
				})
			}
		}
		group.Wait()
	}
	ask()
	ask()
	if n := dialled.Load(); n != 1 {
		t.Errorf("%d connections", n)
	}
	for _, conn := range client.ssh.conns {
		_ = conn.client.Close()
	}
	ask()
	if n := dialled.Load(); n != 2 {
		t.Errorf("%d connections after one had ended", n)
	}
}

// A server that takes a session and is silent holds up who asked it, and no longer than that.
func TestSilentSSHServer(t *testing.T) {
	at := sshStandIn(t, func(channel ssh.Channel) { time.Sleep(time.Hour) })
	client := newLocalClient(ClientOptions{Timeout: 300 * time.Millisecond})
	_, err := client.Resolve(t.Context(), at)
	if !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
}

func TestHostileSSHServers(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(channel ssh.Channel)
		want   error
	}{
		"endless refs": {func(c ssh.Channel) {
			line := packets(strings.Repeat("a", 40) + " refs/heads/x")
			_, _ = c.Write([]byte(packets(strings.Repeat("a", 40) + " HEAD\x00shallow")))
			for {
				if _, err := c.Write([]byte(strings.Repeat(line, 500))); err != nil {
					return
				}
			}
		}, ErrTooLarge},
		"endless errors": {func(c ssh.Channel) {
			for {
				if _, err := c.Stderr().Write([]byte(strings.Repeat("no ", 5000))); err != nil {
					return
				}
			}
		}, ErrUnreachable},
		"its own error": {func(c ssh.Channel) { _, _ = c.Stderr().Write([]byte("\x1b[31mno\nsuch repository")) }, ErrNotFound},
		"HTML":          {func(c ssh.Channel) { _, _ = c.Write([]byte("<html>please log in</html>")) }, ErrProtocol},
		"nothing":       {func(ssh.Channel) {}, ErrUnreachable},
	} {
		t.Run(name, func(t *testing.T) {
			at := sshStandIn(t, test.answer)
			_, err := newLocalClient(ClientOptions{Timeout: 2 * time.Second, MaxRefs: 1 << 20}).Resolve(t.Context(), at)
			if !errors.Is(err, test.want) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// sshStandIn takes any key and answers every run with what answer writes.
func sshStandIn(t *testing.T, answer func(channel ssh.Channel)) Repository {
	t.Helper()
	hostPEM, hostKey := newKey(t)
	identity, _ := newKey(t)
	signer, err := ssh.ParsePrivateKey([]byte(hostPEM))
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveSSH(conn, config, answer)
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return Repository{URL: "ssh://git@127.0.0.1:" + port + "/tool", Ref: "main",
		Credentials: &Credentials{Identity: identity, KnownHosts: knownHostLine("127.0.0.1", port, hostKey)}}
}

func serveSSH(conn net.Conn, config *ssh.ServerConfig, answer func(ssh.Channel)) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		channel, requests, err := offered.Accept()
		if err != nil {
			return
		}
		go func() {
			for request := range requests {
				if request.WantReply {
					_ = request.Reply(true, nil)
				}
				if request.Type == "exec" {
					go func() {
						answer(channel)
						_ = channel.Close()
					}()
				}
			}
		}()
	}
}
