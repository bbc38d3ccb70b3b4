package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/go-logr/logr"
)

// daemonCommand is the argument with which the bench starts itself as the daemon that it measures.
const daemonCommand = "daemon"

func main() {
	if len(os.Args) == 2 && os.Args[1] == daemonCommand {
		exit(serve(os.Stdin, os.Stdout))
	}
	if len(os.Args) == 3 && os.Args[1] == gitServerCommand {
		exit(serveGit(os.Args[2], os.Stdin, os.Stdout))
	}
	logger.SetLogger(logr.Discard()) // what the bench itself does with the API server, it tells by its errors
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	b, err := parse(os.Args[1:], os.Stderr)
	if err == nil {
		err = b.run(ctx)
	}
	stop()
	exit(err)
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// bench is what is to be measured, and how.
type bench struct {
	// tools is how many there are where the figure's name does not say another number.
	tools int
	// workers is how many tools are worked on at the same time, by toolforged and by Flux's way alike.
	workers int
	// localcluster is the binary with etcd and the API server in it.
	localcluster string
	// toolforged is the program itself.
	toolforged string
	out        *output
}

func parse(arguments []string, usage io.Writer) (*bench, error) {
	b := &bench{}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(usage)
	flags.IntVar(&b.tools, "tools", 1000, "how many tools")
	flags.IntVar(&b.workers, "concurrency", 16, "how many tools are worked on at the same time")
	flags.StringVar(&b.localcluster, "localcluster", ".local/bin/localcluster", "the binary with etcd and the API server in it")
	flags.StringVar(&b.toolforged, "toolforged", ".local/bin/toolforged", "the program toolforged")
	wanted := flags.String("run", "", "measure only the figures whose names match this regular expression")
	if err := flags.Parse(arguments); err != nil {
		return nil, fmt.Errorf("read the flags: %w", err)
	}
	if b.tools < 10 || b.workers < 1 || flags.NArg() > 0 {
		return nil, fmt.Errorf("it needs at least 10 tools and a worker, and takes no arguments: %d, %d, %q", b.tools, b.workers, flags.Args())
	}
	expression, err := regexp.Compile(*wanted)
	if err != nil {
		return nil, fmt.Errorf("read -run: %w", err)
	}
	b.out = &output{figures: os.Stdout, log: os.Stderr, wanted: expression}
	return b, nil
}

// run measures what needs no cluster, then builds on the platform that is up, and then in four parts, each on an API server of its
// own that begins empty.
func (b *bench) run(ctx context.Context) error {
	if err := b.measureText(); err != nil {
		return fmt.Errorf("measure reading and rendering: %w", err)
	}
	if err := b.measureBuilds(ctx); err != nil {
		return fmt.Errorf("measure builds: %w", err)
	}
	if err := b.measurePolls(ctx); err != nil {
		return fmt.Errorf("measure polls: %w", err)
	}
	theirs, err := b.measureFlux(ctx)
	if err != nil {
		return fmt.Errorf("measure Flux's way: %w", err)
	}
	if err := b.measureWork(ctx, theirs); err != nil {
		return fmt.Errorf("measure toolforged: %w", err)
	}
	if err := b.measureSize(ctx); err != nil {
		return fmt.Errorf("measure toolforged's size: %w", err)
	}
	if err := b.measureWatching(ctx); err != nil {
		return fmt.Errorf("measure watching: %w", err)
	}
	return nil
}
