// Command toolforge-source puts the files of one commit into a build: it runs in the build's pod, before anything of
// the repository does, and is the only container of it that may hold the repository's credentials.
//
// It needs no git, no home directory and no writable root file system; objects are kept in TMPDIR meanwhile. It exits
// with 1 when the maintainer of the repository can mend what went wrong, and with 2 when trying again may help.
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

	"github.com/toolforge/toolforged/sources"
)

const (
	exitMendable = 1
	exitTrouble  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return
	case sources.Mendable(err):
		fmt.Fprintln(os.Stderr, "toolforge-source:", err)
		os.Exit(exitMendable)
	}
	fmt.Fprintln(os.Stderr, "toolforge-source:", err)
	os.Exit(exitTrouble)
}

type settings struct {
	repository, commit, to, credentials string
	timeout                             time.Duration
	checkout                            sources.CheckoutOptions
	allowed                             sources.Allowed
}

func parse(args []string, output io.Writer) (settings, error) {
	var s settings
	flags := flag.NewFlagSet("toolforge-source", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.StringVar(&s.repository, "repository", "", "`URL` of the repository")
	flags.StringVar(&s.commit, "commit", "", "full `id` of the commit")
	flags.StringVar(&s.to, "to", "/workspace", "`directory` to write to; it must exist")
	flags.StringVar(&s.credentials, "credentials", "", "`directory` where the Secret with the repository's credentials is mounted; none by default")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Minute, "the longest it may take")
	flags.StringVar(&s.checkout.Path, "path", "", "`directory` of the repository whose contents are written; the root by default")
	flags.Int64Var(&s.checkout.MaxBytes, "max-bytes", 1<<30, "largest sum of the files' sizes, in `bytes`")
	flags.IntVar(&s.checkout.MaxFiles, "max-files", 100_000, "largest `number` of files and directories")
	s.allowed.Flags(flags.Func)
	flags.Func("except", "`name` directly under -path to leave out; may be given again", func(name string) error {
		s.checkout.Except = append(s.checkout.Except, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	if flags.NArg() > 0 || s.repository == "" || s.commit == "" {
		return s, errors.New("want -repository and -commit, and nothing but flags")
	}
	if s.checkout.MaxBytes <= 0 || s.checkout.MaxFiles <= 0 || s.timeout <= 0 {
		return s, errors.New("-max-bytes, -max-files and -timeout must be above zero")
	}
	return s, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	repo := sources.Repository{URL: s.repository}
	if err := repo.Validate(); err != nil {
		return err
	}
	if s.credentials != "" {
		if repo.Credentials, err = sources.ReadCredentials(s.credentials); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	fmt.Fprintf(out, "fetching commit %s of %s\n", s.commit, s.repository)
	begin := time.Now()
	client := sources.NewClient(sources.ClientOptions{UserAgent: "toolforge-source", Allowed: s.allowed})
	done, err := client.Checkout(ctx, repo, s.commit, s.to, s.checkout)
	if err != nil {
		return err
	}
	for _, path := range done.Submodules {
		fmt.Fprintf(out, "left the submodule %q empty: submodules are not fetched\n", path)
	}
	fmt.Fprintf(out, "wrote %d files, %d bytes%s to %s in %s\n", done.Files, done.Bytes, from(s.checkout.Path), s.to,
		time.Since(begin).Round(time.Millisecond))
	return nil
}

func from(path string) string {
	if path == "" {
		return ""
	}
	return fmt.Sprintf(" from %q", path)
}
