package cluster

import (
	"context"
	"fmt"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/toolforge/toolforged/localcluster/host"
)

// stopLimit is how long a program that is restarted has to end by itself.
const stopLimit = 10 * time.Second

// Restart ends one of the running cluster's programs and starts it again, with the configuration files as they are now. It returns
// when the cluster is healthy.
func Restart(ctx context.Context, c Config, name string, out io.Writer) error {
	if err := c.Validate(); err != nil {
		return err
	}
	unlock, err := lock(out)
	if err != nil {
		return err
	}
	defer unlock()
	s := &starter{Config: c, steps: newSteps(out)}
	i := slices.IndexFunc(c.parts(), func(p program) bool { return p.name == name })
	if i < 0 {
		return fmt.Errorf("the cluster has no program %q", name)
	}
	if s.client, err = s.newClient(); err != nil {
		return err
	}
	s.steps.begin("Restarting " + name)
	if err := c.stop(ctx, name); err != nil {
		return err
	}
	// Signs of life have whole seconds: one of this second may be of the program that has ended.
	since := time.Now().Truncate(time.Second).Add(time.Second)
	if err := s.begin(c.parts()[i]); err != nil {
		return err
	}
	for _, check := range s.checks(s.client, since) {
		if err := s.await(ctx, check.what, check.do); err != nil {
			return err
		}
	}
	s.steps.finish()
	return nil
}

// stop ends the program called name; it kills one that does not end.
func (c Config) stop(ctx context.Context, name string) error {
	pid, err := c.pid(name)
	if err != nil || !host.Runs(pid, c.Root) {
		return err
	}
	sent := syscall.SIGTERM
	for deadline := time.Now().Add(stopLimit); host.Runs(pid, c.Root); {
		if err := syscall.Kill(pid, sent); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("ending %s: %w", name, err)
		}
		if time.Now().After(deadline) {
			sent = syscall.SIGKILL
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}
