package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/toolforge/toolforged/build/ending"
	"github.com/toolforge/toolforged/build/tekton"
	"github.com/toolforge/toolforged/registry/cache"
)

// exporting is what export is asked for.
type exporting struct {
	places
	registryFlags
	image, runImage string
	imageBytes      int64
	labels          map[string]string
	// begin is a file that says when the build's container has ended; empty when it ended before this one began.
	begin string
}

func parseExport(args []string, out io.Writer, end *record) (exporting, error) {
	e := exporting{labels: make(map[string]string)}
	flags := flag.NewFlagSet("toolforge-build export", flag.ContinueOnError)
	flags.SetOutput(out)
	e.places.flags(flags)
	e.registryFlags.flags(flags)
	flags.StringVar(&end.file, "ending", end.file, "`file` for the termination message")
	end.stepFlag(flags)
	flags.StringVar(&e.runImage, "run-image", "", "`reference` of the image that it is built upon")
	flags.Int64Var(&e.imageBytes, "image-bytes", 4<<30, "largest image, without the one that it is built upon and uncompressed, in `bytes`")
	flags.StringVar(&e.begin, "begin-file", "", "`file` whose content \"true\" says that the build's container has ended; not waited for by default")
	flags.Func("label", "`name=value` that the image gets; may be given again", func(text string) error {
		name, value, found := strings.Cut(text, "=")
		if !found || name == "" {
			return errors.New("want name=value")
		}
		e.labels[name] = value
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return e, err
	}
	if flags.NArg() != 1 {
		return e, errors.New("want the image's reference as the only argument")
	}
	if e.image = flags.Arg(0); e.imageBytes <= 0 || e.cacheBytes <= 0 {
		return e, errPositive
	}
	return e, nil
}

// export makes an image of what the build left, after a look at it, and keeps the cache.
func export(ctx context.Context, args []string, out io.Writer, end *record) error {
	e, err := parseExport(args, out, end)
	if err != nil {
		return err
	}
	if e.begin != "" {
		if err := awaitBegin(ctx, e.begin); err != nil {
			return err
		}
	}
	if end.step != nil {
		if err := sweep(tekton.Dir, *end.step); err != nil {
			return err
		}
	}
	return end.phase("export", out, func() error {
		left, err := e.inspect()
		if err != nil {
			return err
		}
		if left.image > e.imageBytes {
			return &refused{ending.ImageSize, fmt.Sprintf("the image would hold %s beside the image that it is built upon; it may hold %s",
				size(left.image), size(e.imageBytes))}
		}
		if err := e.rewrite(left); err != nil {
			return err
		}
		keep := e.cache != "" && left.cached <= e.cacheBytes
		if e.cache != "" && !keep {
			end.note(out, fmt.Sprintf("the cache is not kept: it has %s, and may have %s", size(left.cached), size(e.cacheBytes)))
		}
		if err := e.sendImage(ctx, keep, out); err != nil {
			return err
		}
		if keep {
			e.keepCache(ctx, out, end)
		}
		return nil
	})
}

func (e exporting) newCache() string { return filepath.Join(e.private, "cache") }

// sendImage runs the exporter. It is told where everything is that is not in the build's reach, and finds nothing else there.
func (e exporting) sendImage(ctx context.Context, keep bool, out io.Writer) error {
	temp, err := e.temp()
	if err != nil {
		return fmt.Errorf("make a directory for large files: %w", err)
	}
	args := append([]string{"-no-color", "-layers=" + e.layers, "-app=" + e.workspace,
		"-analyzed=" + e.analyzed(), "-group=" + e.group(), "-run=" + e.runImages(),
		"-extended=" + filepath.Join(e.private, "extended"),
		"-project-metadata=" + filepath.Join(e.private, "project-metadata.toml"),
		"-report=" + filepath.Join(e.private, "report.toml"),
		"-launcher=" + filepath.Join(e.lifecycle, "launcher"),
	}, owner()...)
	if keep {
		if err := os.MkdirAll(e.newCache(), 0o700); err != nil {
			return fmt.Errorf("make a directory for the cache: %w", err)
		}
		args = append(args, "-parallel", "-cache-dir="+e.newCache())
	}
	return ours(ctx, filepath.Join(e.lifecycle, "exporter"), append(args, e.image), append(e.insecure(), "TMPDIR="+temp), out)
}

// keepCache sends the cache. The image is there already, so a cache that cannot be kept is no failure.
func (e exporting) keepCache(ctx context.Context, out io.Writer, end *record) {
	temp, err := e.temp()
	if err != nil {
		end.note(out, fmt.Sprintf("the cache is not kept: %s", err))
		return
	}
	begin := time.Now()
	client := cache.NewClient(authn.DefaultKeychain, programName, e.plainHTTP, e.cacheBytes)
	pushed, err := client.Push(ctx, e.newCache(), e.cache, e.others(), temp)
	if err != nil {
		end.note(out, fmt.Sprintf("the cache is not kept: %s", err))
		return
	}
	fmt.Fprintf(out, "kept the cache %s: %d layers, %d bytes; sent %d layers, %d bytes, in %s\n", e.cache, pushed.Layers, pushed.Bytes,
		pushed.Sent, pushed.SentBytes, time.Since(begin).Round(time.Millisecond))
}

// size is a number of bytes for people.
func size(bytes int64) string {
	for _, unit := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if bytes >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(bytes)/float64(unit.bytes), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", bytes)
}
