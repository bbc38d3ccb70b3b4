package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/toolforge/toolforged/build/ending"
)

// building is what run is asked for.
type building struct {
	places
	platform  string
	order     bool
	diskBytes int64
}

func parseRun(args []string, out io.Writer, end *record) (building, error) {
	var b building
	flags := flag.NewFlagSet("toolforge-build run", flag.ContinueOnError)
	flags.SetOutput(out)
	b.places.flags(flags)
	flags.StringVar(&end.file, "ending", end.file, "`file` for the termination message")
	end.stepFlag(flags)
	flags.StringVar(&b.platform, "platform", "/platform", "`directory` of what the platform says to buildpacks")
	flags.BoolVar(&b.order, "order", false, "detect in the order of the file order.toml in -platform, not in the builder's")
	flags.Int64Var(&b.diskBytes, "disk-bytes", 0, "most that the build may write to disk, in `bytes`; not watched by default")
	if err := flags.Parse(args); err != nil {
		return b, err
	}
	if flags.NArg() > 0 || b.diskBytes < 0 {
		return b, errors.New("want nothing but flags, and none below zero")
	}
	return b, nil
}

// run is the part of a build in which a stranger's code runs, beside this program and as the same user: what it says is no
// more than a hint.
func run(ctx context.Context, args []string, out io.Writer, end *record) error {
	b, err := parseRun(args, out, end)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if b.diskBytes > 0 {
		go watchDisk(ctx, b.written(), b.diskBytes, func(used int64) {
			stop(&refused{ending.Disk, fmt.Sprintf("the build wrote %d bytes to disk; it may write %d", used, b.diskBytes)})
		})
	}
	if b.platform, err = platformWith(b.platform, b.workspace); err != nil {
		return err
	}
	killed := oomKills()
	err = b.phases(ctx, out, end)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	var failed *programError
	if errors.As(err, &failed) {
		failed.theirs = true
		if oomKills() > killed {
			failed.bound = ending.Memory
		}
	}
	return err
}

func (b building) phases(ctx context.Context, out io.Writer, end *record) error {
	if err := end.phase("detect", out, func() error { return b.detect(ctx, out) }); err != nil {
		return err
	}
	if err := end.phase("restore", out, func() error { return b.restore(ctx, out) }); err != nil {
		return err
	}
	return end.phase("build", out, func() error {
		return b.phase(ctx, "builder", out, "-app="+b.workspace, "-platform="+b.platform)
	})
}

func (b building) phase(ctx context.Context, name string, out io.Writer, args ...string) error {
	// There is no list of run images: to choose among mirrors, the restorer would ask the registry.
	env := []string{"CNB_RUN_PATH=" + filepath.Join(b.program, "run.toml")}
	return program(ctx, filepath.Join(b.lifecycle, name), append([]string{"-no-color", "-layers=" + b.layers}, args...), env, out)
}

func (b building) detect(ctx context.Context, out io.Writer) error {
	// What a buildpack says of why it does not take part is shown at this level only.
	args := []string{"-log-level=debug", "-app=" + b.workspace, "-platform=" + b.platform}
	if b.order {
		args = append(args, "-order="+filepath.Join(b.platform, "order.toml"))
	}
	return b.phase(ctx, "detector", out, args...)
}

// restore puts back what is in the cache. A cache that cannot be used is no reason to fail.
func (b building) restore(ctx context.Context, out io.Writer) error {
	err := b.phase(ctx, "restorer", out, append(owner(), "-cache-dir="+b.cached)...)
	if err == nil || ctx.Err() != nil {
		return err
	}
	fmt.Fprintf(out, "the cache could not be used, so the build goes on without it: %s\n", err)
	return b.phase(ctx, "restorer", out, owner()...)
}

// written are the directories to which the build can write, but for those in memory.
func (b building) written() []string {
	dirs := []string{b.workspace, b.layers, b.cached, os.TempDir()}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, home)
	}
	return dirs
}
