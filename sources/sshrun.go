package sources

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
)

// sshRun is git-upload-pack, run by a server over SSH, after it said what it can do.
type sshRun struct {
	capabilities
	packets *packetReader
	channel ssh.Channel
}

// send writes a request and returns the reader of its answer.
func (r *sshRun) send(request []byte) (answer *packetReader, end func(), err error) {
	if _, err := r.channel.Write(request); err != nil {
		return nil, nil, err
	}
	return r.packets, func() {}, nil
}

// refs asks, by version 2, for the commit of the first of names that exists.
func (r *sshRun) refs(agent string, names []string) (commit string, err error) {
	packets, _, err := r.send(lsRefsCommand(agent, names))
	if err != nil {
		return "", err
	}
	return readRefs(packets, names)
}

// overSSH has the repository's server run git-upload-pack and asks it, over the connection that is kept to it. No more than
// max bytes are read. Look makes what the refs of versions 0 and 1 are looked through by; nil for nothing.
func (c *Client) overSSH(ctx context.Context, repo Repository, max int64, look func() *refScan, ask func(*sshRun) error) error {
	to, err := c.sshTarget(repo)
	if err != nil {
		return err
	}
	return c.ssh.with(ctx, repo, to, func(connection *ssh.Client) error {
		return runSSH(connection, repo, max, look, ask)
	})
}

// runSSH is one exchange. An error that is errSSHBroken says that the connection ended in the middle.
func runSSH(connection *ssh.Client, repo Repository, max int64, look func() *refScan, ask func(*sshRun) error) error {
	channel, requests, err := connection.OpenChannel("session", nil)
	if refused := (*ssh.OpenChannelError)(nil); errors.As(err, &refused) {
		return failf(ErrUnreachable, err, "the server of %s refuses another session: %s", displayURL(repo.URL), printable(refused.Message))
	}
	if err != nil {
		return errSSHBroken
	}
	defer channel.Close()
	said := listen(channel, requests)
	// A server that does not take the variable speaks version 0.
	_, _ = channel.SendRequest("env", false, ssh.Marshal(struct{ Name, Value string }{"GIT_PROTOCOL", "version=2"}))
	command := "git-upload-pack " + shellQuoted(sshPath(repo.URL))
	started, err := channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{command}))
	if err != nil {
		return errSSHBroken
	}
	if !started {
		return failf(ErrProtocol, nil, "the server of %s does not run git-upload-pack", displayURL(repo.URL))
	}
	body := &boundedBody{body: io.NopCloser(channel), left: max, max: max, repo: repo}
	r := &sshRun{packets: newPacketReader(body), channel: channel}
	var scan *refScan
	if look != nil {
		scan = look()
	}
	if r.capabilities, err = readAdvertisement(r.packets, scan); err != nil {
		return said.explain(repo, r.packets.taken == 0, err)
	}
	if err := ask(r); err != nil {
		return said.explain(repo, false, err)
	}
	_, _ = channel.Write([]byte("0000")) // it ends well
	return nil
}

// listener keeps what a run says beside its output: the begin of its errors, and whether it ended.
type listener struct {
	mu     sync.Mutex
	errors bytes.Buffer
	exited bool
	done   chan struct{} // closed when nothing more comes
}

const maxSSHErrors = 4 << 10

func listen(channel ssh.Channel, requests <-chan *ssh.Request) *listener {
	l := &listener{done: make(chan struct{})}
	go func() {
		defer close(l.done)
		_, _ = io.Copy(l, channel.Stderr()) // to the end of the channel
		for request := range requests {
			if request.WantReply {
				_ = request.Reply(false, nil)
			}
			l.mu.Lock()
			l.exited = l.exited || strings.HasPrefix(request.Type, "exit-")
			l.mu.Unlock()
		}
	}()
	return l
}

// Write keeps the begin of what is written.
func (l *listener) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors.Write(p[:min(len(p), maxSSHErrors-l.errors.Len())])
	return len(p), nil
}

// explain gives an error what the server said of it. At the end of a channel it waits for all of that.
func (l *listener) explain(repo Repository, silent bool, err error) error {
	if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	<-l.done
	l.mu.Lock()
	defer l.mu.Unlock()
	text := printable(strings.Join(strings.Fields(l.errors.String()), " "))
	switch {
	case !l.exited && text == "":
		return errSSHBroken
	case silent && text != "":
		return failf(ErrNotFound, nil, "the repository %s does not exist, or its deploy key may not read it; the server says %q", displayURL(repo.URL), text)
	case text != "":
		return failf(ErrProtocol, err, "the server of %s ended in the middle; it says %q", displayURL(repo.URL), text)
	}
	return err
}

// sshPath is the path as git gives it to the server: what is in a home directory without the slash before it.
func sshPath(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if strings.HasPrefix(u.Path, "/~") {
		return u.Path[1:]
	}
	return u.Path
}

// shellQuoted is text as one word of a shell, in the way git quotes it.
func shellQuoted(text string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(text) + "'"
}

// errSSHBroken says that a connection ended in the middle of an exchange.
var errSSHBroken = fmt.Errorf("the connection ended: %w", io.ErrUnexpectedEOF)
