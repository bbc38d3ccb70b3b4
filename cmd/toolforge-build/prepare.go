package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"golang.org/x/sync/errgroup"

	"github.com/toolforge/toolforged/registry/cache"
	"github.com/toolforge/toolforged/sources"
)

// programName is that of this program, in our image and where run finds it.
const programName = "toolforge-build"

// preparation is what prepare is asked for.
type preparation struct {
	places
	registryFlags
	repository, commit, credentials string
	image, runImage, previousImage  string
	timeout                         time.Duration
	checkout                        sources.CheckoutOptions
	allowed                         sources.Allowed
}

func parsePrepare(args []string, out io.Writer, end *record) (preparation, error) {
	var p preparation
	flags := flag.NewFlagSet("toolforge-build prepare", flag.ContinueOnError)
	flags.SetOutput(out)
	p.places.flags(flags)
	p.registryFlags.flags(flags)
	flags.StringVar(&end.file, "ending", end.file, "`file` for the termination message")
	end.stepFlag(flags)
	flags.StringVar(&p.repository, "repository", "", "`URL` of the repository")
	flags.StringVar(&p.commit, "commit", "", "full `id` of the commit")
	flags.StringVar(&p.credentials, "credentials", "", "`directory` where the Secret with the repository's credentials is mounted; none by default")
	flags.StringVar(&p.image, "image", "", "`reference` of the image that is built")
	flags.StringVar(&p.runImage, "run-image", "", "`reference` of the image that it is built upon")
	flags.StringVar(&p.previousImage, "previous-image", "", "`reference` of the image whose layers may be used again")
	flags.DurationVar(&p.timeout, "timeout", 10*time.Minute, "the longest it may take")
	flags.StringVar(&p.checkout.Path, "path", "", "`directory` of the repository whose contents are written; the root by default")
	flags.Int64Var(&p.checkout.MaxBytes, "max-bytes", 1<<30, "largest sum of the files' sizes, in `bytes`")
	flags.IntVar(&p.checkout.MaxFiles, "max-files", 100_000, "largest `number` of files and directories")
	p.allowed.Flags(flags.Func)
	flags.Func("except", "`name` directly under -path to leave out; may be given again", func(name string) error {
		p.checkout.Except = append(p.checkout.Except, name)
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return p, err
	}
	if flags.NArg() > 0 || p.repository == "" || p.commit == "" || p.image == "" || p.runImage == "" {
		return p, errors.New("want -repository, -commit, -image and -run-image, and nothing but flags")
	}
	if p.checkout.MaxBytes <= 0 || p.checkout.MaxFiles <= 0 || p.timeout <= 0 || p.cacheBytes <= 0 {
		return p, errPositive
	}
	return p, nil
}

// prepare places all that the other containers need. Its parts do not wait for each other.
func prepare(ctx context.Context, args []string, out io.Writer, end *record) error {
	p, err := parsePrepare(args, out, end)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if p.checkout.TempDir, err = p.temp(); err != nil {
		return fmt.Errorf("make a directory for large files: %w", err)
	}
	lines := &together{to: out}
	return end.phase("prepare", out, func() error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return p.placeSource(ctx, lines) })
		group.Go(func() error { return p.analyze(ctx, lines) })
		var note string
		group.Go(func() error { note = p.placeCache(ctx, lines); return nil })
		err := group.Wait()
		if note != "" {
			end.note(out, note)
		}
		if err != nil {
			return err
		}
		return p.placeProgram() // last: nothing of others is written any more
	})
}

func (p preparation) placeSource(ctx context.Context, out io.Writer) error {
	repo := sources.Repository{URL: p.repository}
	if err := repo.Validate(); err != nil {
		return err
	}
	if p.credentials != "" {
		var err error
		if repo.Credentials, err = sources.ReadCredentials(p.credentials); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "fetching commit %s of %s\n", p.commit, p.repository)
	begin := time.Now()
	client := sources.NewClient(sources.ClientOptions{UserAgent: programName, Allowed: p.allowed})
	done, err := client.Checkout(ctx, repo, p.commit, p.workspace, p.checkout)
	if err != nil {
		return err
	}
	for _, path := range done.Submodules {
		fmt.Fprintf(out, "left the submodule %q empty: submodules are not fetched\n", path)
	}
	fmt.Fprintf(out, "wrote %d files, %d bytes%s to %s in %s\n", done.Files, done.Bytes, from(p.checkout.Path), p.workspace,
		time.Since(begin).Round(time.Millisecond))
	return leaveOut(p.workspace, out)
}

func from(path string) string {
	if path == "" {
		return ""
	}
	return fmt.Sprintf(" from %q", path)
}

// analyze asks the registry for the images, and puts what it says where the build finds it. export uses a copy of its own.
func (p preparation) analyze(ctx context.Context, out io.Writer) error {
	args := append([]string{"-no-color", "-layers=" + p.layers, "-analyzed=" + p.analyzed(), "-run-image=" + p.runImage}, owner()...)
	if p.previousImage != "" {
		args = append(args, "-previous-image="+p.previousImage)
	}
	if err := ours(ctx, filepath.Join(p.lifecycle, "analyzer"), append(args, p.image), p.insecure(), out); err != nil {
		return err
	}
	if err := copyFile(p.analyzed(), filepath.Join(p.layers, "analyzed.toml"), 0o644); err != nil {
		return fmt.Errorf("place what the registry said of the images: %w", err)
	}
	return nil
}

// placeCache unpacks the cache. A build can do without one: it says why there is none.
func (p preparation) placeCache(ctx context.Context, out io.Writer) string {
	if p.cache == "" {
		return ""
	}
	client := cache.NewClient(authn.DefaultKeychain, programName, p.plainHTTP, p.cacheBytes)
	begin := time.Now()
	pulled, err := client.Pull(ctx, append([]string{p.cache}, p.others()...), p.cached)
	switch {
	case err != nil:
		return fmt.Sprintf("the cache is not used: %s", err)
	case pulled.Reference == "":
		fmt.Fprintln(out, "there is no cache yet")
	default:
		fmt.Fprintf(out, "unpacked the cache %s: %d layers, %d bytes, in %s\n", pulled.Reference, pulled.Layers, pulled.Bytes,
			time.Since(begin).Round(time.Millisecond))
	}
	return ""
}

// placeProgram puts this program where run finds it.
func (p preparation) placeProgram() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if err := copyFile(self, filepath.Join(p.program, programName), 0o755); err != nil {
		return fmt.Errorf("place this program: %w", err)
	}
	return nil
}

func copyFile(from, to string, mode os.FileMode) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
