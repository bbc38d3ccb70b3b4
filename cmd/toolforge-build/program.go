package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/toolforge/toolforged/build/ending"
)

// programError is the end of one of the lifecycle's programs.
type programError struct {
	program string
	code    int
	// last is what it said last, when it is a program of ours.
	last string
	// theirs tells that a stranger's code ran in it.
	theirs bool
	bound  ending.Bound
}

func (e *programError) Error() string {
	text := fmt.Sprintf("the lifecycle's %s ended with exit code %d", e.program, e.code)
	if e.last != "" {
		text += ": " + e.last
	}
	return text
}

// ours runs one of the programs of our own lifecycle.
func ours(ctx context.Context, file string, args, env []string, out io.Writer) error {
	last := &lastLine{to: out}
	err := program(ctx, file, args, env, last)
	var failed *programError
	if errors.As(err, &failed) {
		failed.last = last.text()
	}
	return err
}

// program runs one of the lifecycle's programs, with more environment than this one has, until it ends: in a process group of
// its own, which is ended with the context.
func program(ctx context.Context, file string, args, env []string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, file, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return endAll(cmd.Process.Pid) }
	cmd.WaitDelay = 2 * time.Second // for what else has its output
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return nil
	case errors.As(err, &exit):
		return &programError{program: filepath.Base(file), code: codeOf(exit.ProcessState)}
	default:
		return fmt.Errorf("run the lifecycle's %s: %w", filepath.Base(file), err)
	}
}

// endAll ends a process group; and every other process, where this is the first of a container.
func endAll(group int) error {
	if os.Getpid() == 1 {
		return syscall.Kill(-1, syscall.SIGKILL)
	}
	return syscall.Kill(-group, syscall.SIGKILL)
}

// codeOf is an exit code as shells have it: 128 and the signal's number for what was killed.
func codeOf(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// owner are the flags by which the lifecycle gives the image's files to the user that runs the build.
func owner() []string {
	return []string{"-uid=" + strconv.Itoa(os.Getuid()), "-gid=" + strconv.Itoa(os.Getgid())}
}

// lastLine passes on what a program says and keeps the last line of it, at most 500 bytes.
type lastLine struct {
	to   io.Writer
	line []byte
	over bool
}

const maxLastLine = 500

func (l *lastLine) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		part, after, ended := bytes.Cut(rest, []byte("\n"))
		if l.over && len(part) > 0 {
			l.line, l.over = l.line[:0], false
		}
		l.line = append(l.line, part[:min(len(part), maxLastLine-len(l.line))]...)
		l.over = l.over || ended
		rest = after
	}
	return l.to.Write(p)
}

func (l *lastLine) text() string {
	return string(bytes.TrimPrefix(bytes.TrimSpace(l.line), []byte("ERROR: ")))
}
