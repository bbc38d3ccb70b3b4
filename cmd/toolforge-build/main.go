// Command toolforge-build is what runs in a build's containers, one subcommand in each:
//
//	prepare  our image; holds the credentials of the repository and of the registry. It places the commit's files, asks the
//	         registry for the image before, and unpacks the cache.
//	run      the builder's image; runs a stranger's code and holds nothing. It runs the builder's detector, restorer and
//	         builder, and watches what they use.
//	export   our image; holds the credential of the registry. It looks at what the build left, makes the image of it,
//	         and keeps the cache.
//
// It needs no git, no home directory and no writable root file system. Each exits with 1 when the maintainer of the
// repository can mend what went wrong, with 2 when trying again may help, and says more in its termination message
// (package ending). run exits as the lifecycle's program did.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/toolforge/toolforged/build/ending"
	"github.com/toolforge/toolforged/sources"
)

const (
	exitMendable = 1
	exitTrouble  = 2
)

// command is one subcommand. It adds to the ending what it wants to be known, also when it fails.
type command func(ctx context.Context, args []string, out io.Writer, end *record) error

var commands = map[string]command{"prepare": prepare, "run": run, "export": export}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx, os.Args[1:], os.Stdout)
	stop()
	os.Exit(code)
}

// start runs a subcommand, and returns the program's exit code.
func start(ctx context.Context, args []string, out io.Writer) int {
	if len(args) == 0 || commands[args[0]] == nil {
		fmt.Fprintln(out, "toolforge-build: want prepare, run or export")
		return exitTrouble
	}
	end := &record{file: ending.File, now: time.Now}
	args, err := plainArgs(args)
	if err == nil {
		err = commands[args[0]](ctx, args[1:], out, end)
	}
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	code := 0
	if err != nil {
		fmt.Fprintln(out, "toolforge-build:", err)
		code = exitCode(err)
		end.Message, end.Bound = err.Error(), boundOf(err)
	}
	if err := end.write(); err != nil {
		fmt.Fprintln(out, "toolforge-build:", err)
	}
	return code
}

// exitCode is 1 for what a maintainer can mend, that of the lifecycle's program when it failed in run, and 2 otherwise.
func exitCode(err error) int {
	var failed *programError
	switch {
	case mendable(err):
		return exitMendable
	case errors.As(err, &failed) && failed.theirs:
		return failed.code
	default:
		return exitTrouble
	}
}

// record is the ending that a subcommand writes.
type record struct {
	ending.Ending
	file string
	// step is the number of the Tekton step as which the program runs; nil for none.
	step *int
	now  func() time.Time
}

// phase runs a part of the build, says so, and notes how long it took.
func (r *record) phase(name string, out io.Writer, part func() error) error {
	fmt.Fprintf(out, "===> %s\n", name)
	begin := r.now()
	err := part()
	r.Phases = append(r.Phases, ending.Phase{Name: name, Milliseconds: r.now().Sub(begin).Milliseconds()})
	return err
}

// note tells of something that the build can do without.
func (r *record) note(out io.Writer, text string) {
	fmt.Fprintln(out, text)
	r.Notes = append(r.Notes, text)
}

// refused is what a maintainer can mend, and the bound that was hit, if it is one.
type refused struct {
	bound ending.Bound
	text  string
}

func (r *refused) Error() string { return r.text }

func refuse(format string, args ...any) error { return &refused{text: fmt.Sprintf(format, args...)} }

func mendable(err error) bool {
	var r *refused
	return errors.As(err, &r) || sources.Mendable(err)
}

func boundOf(err error) ending.Bound {
	var r *refused
	var failed *programError
	switch {
	case errors.As(err, &r):
		return r.bound
	case errors.As(err, &failed):
		return failed.bound
	}
	return ""
}
