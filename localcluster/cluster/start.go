package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/toolforge/toolforged/localcluster/host"
)

// running is a program that was started, until it ends.
type running struct {
	program
	log   string
	ended chan struct{}
}

// start runs p in a session of its own, so that it outlives whoever asked for
// it, with its output in the log directory.
func (c Config) start(p program) (*running, error) {
	path, args := p.path, p.args
	if path == "" {
		path, args = c.Program, append([]string{p.name}, p.args...)
	}
	log := c.in("log", p.name+".log")
	output, err := keepOld(log)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", p.name, err)
	}
	defer output.Close()
	cmd := exec.Command(path, args...)
	cmd.Env = c.environment()
	cmd.Dir = c.Root
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.name, err)
	}
	r := &running{program: p, log: log, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // what it had to say is in its log
		close(r.ended)
	}()
	return r, os.WriteFile(c.pidFile(p.name), []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o644)
}

func (c Config) pidFile(name string) string { return c.in("run", name+".pid") }

// isRunning reports whether the program called name still runs, as the process
// that was noted when it started.
func (c Config) isRunning(name string) bool {
	pid, err := c.pid(name)
	return err == nil && host.Runs(pid, c.Root)
}

// pid is the process that was noted when the program called name started.
func (c Config) pid(name string) (int, error) {
	text, err := os.ReadFile(c.pidFile(name))
	if err != nil {
		return 0, fmt.Errorf("looking for %s: %w", name, err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("looking for %s: %w", name, err)
	}
	return pid, nil
}

// keepOld opens a new log at path. The last one is kept beside it.
func keepOld(path string) (*os.File, error) {
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
}

// await looks every 50 ms whether check succeeds, for at most limit. It gives
// up at once when one of programs ends, and then shows the end of its log.
func await(ctx context.Context, what string, limit time.Duration, programs []*running, check func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := check(ctx)
		if err == nil {
			return nil
		}
		for _, p := range programs {
			select {
			case <-p.ended:
				return fmt.Errorf("%s ended by itself; the end of %s:\n%s", p.name, p.log, tail(p.log, 15))
			default:
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s, %s at most: %w", what, limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// tail returns the last lines of a file, from its last 16 KiB.
func tail(path string, lines int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	data = data[max(0, len(data)-16<<10):]
	all := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(all[max(0, len(all)-lines):], []byte("\n")))
}

// freeAddresses forgets which pods had which address, but not which address
// was given last: an address is not soon given again, so that what still has
// the old one in mind does not reach another pod.
func (c Config) freeAddresses() error {
	leases, err := filepath.Glob(c.in("cni", host.CNINetwork, "[0-9]*"))
	if err != nil {
		return err
	}
	for _, lease := range leases {
		if err := os.Remove(lease); err != nil {
			return fmt.Errorf("freeing a pod's address: %w", err)
		}
	}
	return nil
}
