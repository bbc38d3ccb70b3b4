package sources

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxSSHConnections bounds the connections that are kept.
	maxSSHConnections = 256
	// sshIdle is how long one is kept that nobody uses: longer than the usual interval.
	sshIdle = 5 * time.Minute
	// sshDial bounds the time until a connection is made and both sides have shown who they are.
	sshDial = 15 * time.Second
)

// sshTarget is a server and how it is spoken to. Those that are the same share a connection.
type sshTarget struct {
	address     string // host:port
	user        string
	credentials Credentials
}

// sshPool keeps connections, each for all repositories of a server that are asked with the same key.
type sshPool struct {
	dial func(context.Context, Repository, sshTarget) (*ssh.Client, error)

	mu    sync.Mutex
	conns map[sshTarget]*sshConnection
}

type sshConnection struct {
	ready  chan struct{} // closed when client or err is there
	client *ssh.Client
	err    error

	users int
	used  time.Time
	idle  *time.Timer
}

func newSSHPool(dial func(context.Context, Repository, sshTarget) (*ssh.Client, error)) *sshPool {
	return &sshPool{dial: dial, conns: map[sshTarget]*sshConnection{}}
}

// with runs use with a connection, and once more with a new one when that has ended. When ctx ends
// the connection does too, because nothing else ends a server's silence; others that used it are given a new one.
func (p *sshPool) with(ctx context.Context, repo Repository, to sshTarget, use func(*ssh.Client) error) error {
	for attempt := 0; ; attempt++ {
		conn := p.acquire(ctx, repo, to)
		err := p.try(ctx, to, conn, use)
		p.release(to, conn)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return unreachable(repo, ctx.Err())
		case !errors.Is(err, errSSHBroken):
			return wireError(repo, err)
		case attempt > 0:
			return unreachable(repo, err)
		}
		p.drop(to, conn)
	}
}

func (p *sshPool) try(ctx context.Context, to sshTarget, conn *sshConnection, use func(*ssh.Client) error) error {
	select {
	case <-conn.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if conn.err != nil {
		return conn.err
	}
	stop := context.AfterFunc(ctx, func() { p.drop(to, conn) })
	defer stop()
	return use(conn.client)
}

func (p *sshPool) acquire(ctx context.Context, repo Repository, to sshTarget) *sshConnection {
	p.mu.Lock()
	defer p.mu.Unlock()
	conn, there := p.conns[to]
	if !there {
		p.makeRoom()
		conn = &sshConnection{ready: make(chan struct{})}
		p.conns[to] = conn
		go p.connect(context.WithoutCancel(ctx), repo, to, conn)
	}
	conn.users++
	if conn.idle != nil {
		conn.idle.Stop()
	}
	return conn
}

// connect makes the connection for all who wait for it, and forgets it when it has ended.
func (p *sshPool) connect(ctx context.Context, repo Repository, to sshTarget, conn *sshConnection) {
	ctx, cancel := context.WithTimeout(ctx, sshDial)
	defer cancel()
	conn.client, conn.err = p.dial(ctx, repo, to)
	close(conn.ready)
	if conn.err == nil {
		_ = conn.client.Wait()
	}
	p.drop(to, conn)
}

// makeRoom closes the connection that was not used for longest, if there are many.
func (p *sshPool) makeRoom() {
	if len(p.conns) < maxSSHConnections {
		return
	}
	var oldest sshTarget
	var found *sshConnection
	for to, conn := range p.conns {
		if conn.users == 0 && (found == nil || conn.used.Before(found.used)) {
			oldest, found = to, conn
		}
	}
	if found != nil {
		delete(p.conns, oldest)
		go found.close()
	}
}

func (p *sshPool) release(to sshTarget, conn *sshConnection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	conn.users--
	if conn.users > 0 || p.conns[to] != conn {
		return
	}
	conn.used = time.Now()
	conn.idle = time.AfterFunc(sshIdle, func() {
		p.mu.Lock()
		unused := conn.users == 0
		p.mu.Unlock()
		if unused {
			p.drop(to, conn)
		}
	})
}

// drop closes a connection and forgets it.
func (p *sshPool) drop(to sshTarget, conn *sshConnection) {
	p.mu.Lock()
	if p.conns[to] == conn {
		delete(p.conns, to)
	}
	p.mu.Unlock()
	conn.close()
}

// close ends the connection once it is made.
func (c *sshConnection) close() {
	select {
	case <-c.ready:
		if c.client != nil {
			_ = c.client.Close()
		}
	default:
		// It is being made: whoever makes it has a bound of time, and it is kept for others until then.
	}
}
