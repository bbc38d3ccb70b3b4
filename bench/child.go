package main

import (
	"context"
	"errors"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"
	"sync"
	"time"
)

// child is the process of a Daemon, as the bench sees it.
type child struct {
	client *rpc.Client
	// end ends the daemon and waits for its end, once.
	end func() error
}

// patience is the longest that the bench waits for something to go on, or to end.
const patience = time.Minute

// startChild starts a daemon. It ends by stop, or when this process ends.
func startChild(ctx context.Context, s Settings) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the bench's own program: %w", err)
	}
	command := exec.CommandContext(ctx, self, daemonCommand)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the daemon's input: %w", err)
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("make the daemon's output: %w", err)
	}
	command.Cancel = in.Close // it ends by itself then
	command.WaitDelay = patience
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start the daemon: %w", err)
	}
	c := &child{client: rpc.NewClient(pipes{out, in})}
	c.end = sync.OnceValue(func() error {
		c.client.Close()
		return command.Wait()
	})
	if err := c.call(ctx, "Start", s, &struct{}{}); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	return c, nil
}

// call gives one of Daemon's commands and waits for the answer.
func (c *child) call(ctx context.Context, command string, arguments, answer any) error {
	call := c.client.Go("Daemon."+command, arguments, answer, make(chan *rpc.Call, 1))
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-call.Done:
	}
	if call.Error != nil {
		return fmt.Errorf("the daemon's command %s: %w", command, call.Error)
	}
	return nil
}

// stop ends the daemon, if it was not ended before.
func (c *child) stop() error {
	if err := c.end(); err != nil {
		return fmt.Errorf("the daemon's end: %w", err)
	}
	return nil
}
