package main

import (
	"context"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"
	"time"
)

// child is the process of a Daemon, as the bench sees it.
type child struct {
	command *exec.Cmd
	client  *rpc.Client
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
	c := &child{command: command, client: rpc.NewClient(pipes{out, in})}
	if err := c.call(ctx, "Start", s, &struct{}{}); err != nil {
		c.stop()
		return nil, err
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

// stop ends the daemon and waits for its end.
func (c *child) stop() error {
	c.client.Close()
	if err := c.command.Wait(); err != nil {
		return fmt.Errorf("the daemon's end: %w", err)
	}
	return nil
}
