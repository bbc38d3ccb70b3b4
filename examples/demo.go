// Command examples pushes every example as a repository of its own, makes a tool of each, and waits until each answers.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/testscripts/platform"
)

// deadline bounds the whole demonstration.
const deadline = 20 * time.Minute

// interval is the time between two polls: short, for somebody who tries it out.
const interval = 2 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := demonstrate(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func demonstrate(ctx context.Context) error {
	p, err := platform.New()
	if err != nil {
		return err
	}
	files, err := filepath.Glob("examples/*/toolforge.yaml")
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no examples below examples/ here: run `make demo` (%v)", err)
	}
	d := demo{platform: p, began: time.Now()}
	group, ctx := errgroup.WithContext(ctx)
	for _, file := range files {
		group.Go(func() error { return d.show(ctx, filepath.Dir(file)) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	fmt.Printf("\nEvery example answers. Push to %s/<name>.git and see it change.\n", p.GitPush)
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		if name != "hello" {
			fmt.Printf("  %-10s %s\n", name, p.Site(name))
		}
	}
	fmt.Printf("  %-10s %s\n  %-10s %s\n", "status", p.Status, "hello", p.Site("hello"))
	return nil
}

type demo struct {
	platform *platform.Platform
	began    time.Time
	printing sync.Mutex
}

func (d *demo) say(name, format string, arguments ...any) {
	d.printing.Lock()
	defer d.printing.Unlock()
	fmt.Printf("%5.1fs  %-10s %s\n", time.Since(d.began).Seconds(), name, fmt.Sprintf(format, arguments...))
}

// show brings one example from its directory to an answer.
func (d *demo) show(ctx context.Context, directory string) error {
	name := filepath.Base(directory)
	commit, err := d.platform.Push(ctx, platform.Change{Directory: directory, Repository: name, Message: "Push of the example " + name})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	d.say(name, "pushed commit %.7s", commit)
	if err := d.platform.Declare(ctx, name, api.ToolSpec{Interval: metav1.Duration{Duration: interval}}); err != nil {
		return err
	}
	tool, err := d.platform.Wait(ctx, name, d.follow(name, commit))
	if err != nil {
		return err
	}
	if !conditions.IsReady(tool) {
		return fmt.Errorf("%s: %s", name, conditions.GetMessage(tool, meta.ReadyCondition))
	}
	return d.visit(ctx, name)
}

// follow tells each new step, and ends when the commit serves or has failed for good.
func (d *demo) follow(name, commit string) func(*api.Tool) bool {
	told := ""
	return func(tool *api.Tool) bool {
		if tool == nil || tool.Status.Seen == nil || tool.Status.Seen.Commit != commit {
			return false
		}
		if reason := conditions.GetReason(tool, meta.ReadyCondition) + phase(tool); reason != told {
			told = reason
			d.say(name, "%s", reason)
		}
		serves := tool.Status.Serving != nil && tool.Status.Serving.Commit == commit && conditions.IsReady(tool)
		return serves || conditions.IsStalled(tool)
	}
}

func phase(tool *api.Tool) string {
	if len(tool.Status.Builds) == 0 || tool.Status.Builds[0].State != api.BuildRunning {
		return ""
	}
	return ": " + tool.Status.Builds[0].Phase
}

// visit asks the site until it answers: its address may be newer than what the ingress knows.
func (d *demo) visit(ctx context.Context, name string) error {
	for {
		status, body, err := d.platform.Visit(ctx, d.platform.Site(name))
		if err == nil && status == http.StatusOK {
			d.say(name, "answers at %s", d.platform.Site(name))
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %d %.200s %w", d.platform.Site(name), status, body, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
