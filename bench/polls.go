package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/toolforge/toolforged/sources"
)

// pollSizes are the numbers of refs of the repositories that are polled, by the end of the figures' names.
var pollSizes = []struct {
	name         string
	refs         int
	ours, theirs int // how many polls are measured
}{
	{"1_ref", 1, 300, 100},
	{"20000_refs", 20_000, 300, 20},
}

// loopback lets the client ask the bench's own git server.
var loopback = sources.Allowed{Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}

// measurePolls measures the CPU that a poll which finds nothing new costs the one who polls, beside go-git's way, which Flux
// goes: List of a remote. The server is git's own, in another process.
func (b *bench) measurePolls(ctx context.Context) (err error) {
	if !b.out.wants("poll_cpu_1_ref", "poll_cpu_20000_refs", "poll_bytes_20000_refs", "poll_cpu_ratio_1_ref", "poll_cpu_ratio_20000_refs") {
		return nil
	}
	b.out.say("polls: starting git's http-backend")
	server, err := startGitProcess(ctx)
	if err != nil {
		return err
	}
	defer joinEnd(&err, server.stop)
	for _, size := range pollSizes {
		url, err := server.repository(ctx, "refs-"+size.name, size.refs)
		if err != nil {
			return err
		}
		ours := &polled{poll: ourPoll(ctx, url, sources.NewClient(sources.ClientOptions{Allowed: loopback}))}
		theirs := &polled{poll: goGitPoll(ctx, url)}
		for range pollRounds { // in turn, so that whatever else the machine does is the same to both
			if err := ours.more(size.ours / pollRounds); err != nil {
				return fmt.Errorf("poll: %w", err)
			}
			if err := theirs.more(size.theirs / pollRounds); err != nil {
				return fmt.Errorf("poll by go-git: %w", err)
			}
		}
		b.out.say("polls of %d refs: %s, by go-git %s of CPU", size.refs, ours.cpu(), theirs.cpu())
		b.out.figure("poll_cpu_"+size.name, milliseconds(ours.cpu()), "ms")
		b.out.ratio("poll_cpu_ratio_"+size.name, theirs.cpu(), ours.cpu())
		if size.refs > 1 {
			bytes, err := bytesOf(ctx, url)
			if err != nil {
				return fmt.Errorf("poll: %w", err)
			}
			b.out.figure("poll_bytes_"+size.name, float64(bytes), "bytes")
		}
	}
	return nil
}

// ourPoll resolves the branch main.
func ourPoll(ctx context.Context, url string, client *sources.Client) func() error {
	return func() error {
		_, err := client.Resolve(ctx, sources.Repository{URL: url, Ref: "main"})
		return err
	}
}

// goGitPoll lists the refs and looks for the branch main.
func goGitPoll(ctx context.Context, url string) func() error {
	return func() error {
		remote := git.NewRemote(memory.NewStorage(), &config.RemoteConfig{Name: "origin", URLs: []string{url}})
		refs, err := remote.ListContext(ctx, &git.ListOptions{})
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if ref.Name() == "refs/heads/main" {
				return nil
			}
		}
		return errors.New("there is no branch main")
	}
}

// pollRounds is in how many parts the polls are measured.
const pollRounds = 10

// polled is how much CPU this process spent on polls of one kind, user and system, garbage collection with it.
type polled struct {
	poll  func() error
	polls int
	spent time.Duration
}

// more measures n polls. One before them, which may have to make the connection, does not count.
func (p *polled) more(n int) error {
	if err := p.poll(); err != nil {
		return err
	}
	runtime.GC()
	before, err := cpu()
	if err != nil {
		return err
	}
	for range n {
		if err := p.poll(); err != nil {
			return err
		}
	}
	after, err := cpu()
	p.polls, p.spent = p.polls+n, p.spent+after-before
	return err
}

// cpu is what each poll cost.
func (p *polled) cpu() time.Duration { return p.spent / time.Duration(p.polls) }

func cpu() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("ask for the CPU that was used: %w", os.NewSyscallError("getrusage", err))
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

// bytesOf is how many bytes a poll sends and receives over its connection, once that is there.
func bytesOf(ctx context.Context, url string) (int64, error) {
	var count atomic.Int64
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &countedConn{conn, &count}, err
	}}
	defer transport.CloseIdleConnections()
	poll := ourPoll(ctx, url, sources.NewClient(sources.ClientOptions{Allowed: loopback, Transport: transport}))
	const polls = 10
	for range polls {
		count.Store(0)
		if err := poll(); err != nil {
			return 0, err
		}
	}
	return count.Load(), nil
}

// countedConn counts what goes through it.
type countedConn struct {
	net.Conn
	count *atomic.Int64
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.count.Add(int64(n))
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.count.Add(int64(n))
	return n, err
}
