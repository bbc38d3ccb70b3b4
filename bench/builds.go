package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/testscripts/platform"
)

// buildFigures are measured on the platform that is up, which has pods, a registry and a git server.
var buildFigures = []string{"build_smallest", "build_nodejs_cold", "build_nodejs_warm", "build_overhead"}

const (
	// smallestRuns is how often the smallest build is measured: the figure is the one in the middle.
	smallestRuns = 3
	// buildPatience bounds one build, and what follows it.
	buildPatience = 5 * time.Minute
)

// measureBuilds measures from when the daemon knows a build's key until its image is known by digest. The node has the
// builder's and the run image already; cold means that the tool has neither a cache nor an image.
func (b *bench) measureBuilds(ctx context.Context) error {
	if !b.out.wants(buildFigures...) {
		return nil
	}
	b.out.say("builds: on the platform that is up")
	p, err := platform.New()
	if err != nil {
		return err
	}
	if b.out.wants("build_smallest") {
		if err := b.measureSmallest(ctx, p); err != nil {
			return err
		}
	}
	return b.measureNode(ctx, p)
}

// measureSmallest builds a page and nothing else, again and again.
func (b *bench) measureSmallest(ctx context.Context, p *platform.Platform) error {
	var took []time.Duration
	err := withBuilt(ctx, p, "bench-static", map[string]string{
		"toolforge.yaml": "stack: static\nwebservice: {memory: 64Mi}\n", "index.html": unique(),
	}, func(t *builtTool) error {
		if _, err := t.build(ctx); err != nil {
			return err
		}
		for range smallestRuns {
			if err := t.write("index.html", unique()); err != nil {
				return err
			}
			built, err := t.build(ctx)
			if err != nil {
				return err
			}
			b.out.say("  smallest: %s", built)
			took = append(took, built.took)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(took)
	b.out.seconds("build_smallest", took[len(took)/2])
	return nil
}

// measureNode builds a program with a dependency from the npm registry twice: the second time after a change of the program.
func (b *bench) measureNode(ctx context.Context, p *platform.Platform) error {
	if !b.out.wants(buildFigures[1:]...) {
		return nil
	}
	files := make(map[string]string)
	for _, name := range []string{"toolforge.yaml", "package.json", "package-lock.json", "server.js"} {
		content, err := os.ReadFile(filepath.Join("examples", "nodejs", name))
		if err != nil {
			return err
		}
		files[name] = string(content)
	}
	server := files["server.js"]
	files["server.js"] = server + "\n// " + unique() + "\n"
	return withBuilt(ctx, p, "bench-nodejs", files, func(t *builtTool) error {
		cold, err := t.build(ctx)
		if err != nil {
			return err
		}
		b.out.say("  nodejs, cold: %s", cold)
		if err := t.write("server.js", server+"\n// "+unique()+"\n"); err != nil {
			return err
		}
		warm, err := t.build(ctx)
		if err != nil {
			return err
		}
		b.out.say("  nodejs, warm: %s", warm)
		b.out.seconds("build_nodejs_cold", cold.took)
		b.out.seconds("build_nodejs_warm", warm.took)
		b.out.seconds("build_overhead", warm.overhead())
		return nil
	})
}

// builtTool is a tool on the platform, and the files of its next commit.
type builtTool struct {
	platform  *platform.Platform
	name      string
	directory string
}

// withBuilt declares a tool whose name is new, works with it, and deletes it.
func withBuilt(ctx context.Context, p *platform.Platform, name string, files map[string]string, work func(*builtTool) error) (err error) {
	name += fmt.Sprintf("-%x", time.Now().UnixMilli())
	directory, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	t := &builtTool{platform: p, name: name, directory: directory}
	for file, content := range files {
		if err := t.write(file, content); err != nil {
			return err
		}
	}
	if _, err := t.push(ctx); err != nil {
		return err
	}
	if err := p.Declare(ctx, name, api.ToolSpec{Interval: metav1.Duration{Duration: time.Second}}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Delete(context.WithoutCancel(ctx), name)) }()
	return work(t)
}

func (t *builtTool) write(file, content string) error {
	return os.WriteFile(filepath.Join(t.directory, file), []byte(content), 0o644)
}

func (t *builtTool) push(ctx context.Context) (string, error) {
	return t.platform.Push(ctx, platform.Change{Directory: t.directory, Repository: t.name})
}

// builtIn is how long a build took, and its phases.
type builtIn struct {
	took   time.Duration
	phases []api.PhaseTime
}

// overhead is all that is not the time of the builder's buildpacks.
func (b builtIn) overhead() time.Duration {
	took := b.took
	for _, phase := range b.phases {
		if phase.Name == build.PhaseDetect || phase.Name == build.PhaseBuild {
			took -= time.Duration(phase.Milliseconds) * time.Millisecond
		}
	}
	return took
}

func (b builtIn) String() string {
	text := fmt.Sprintf("%.2f s", b.took.Seconds())
	for _, phase := range b.phases {
		text += fmt.Sprintf(", %s %d ms", phase.Name, phase.Milliseconds)
	}
	return text
}

// build pushes the files and waits until what they make serves, so that nothing else goes on when the next build begins.
func (t *builtTool) build(ctx context.Context) (builtIn, error) {
	ctx, cancel := context.WithTimeout(ctx, buildPatience)
	defer cancel()
	commit, err := t.push(ctx)
	if err != nil {
		return builtIn{}, err
	}
	var began, ended time.Time
	var record api.Build
	tool, err := t.platform.Wait(ctx, t.name, func(tool *api.Tool) bool {
		if tool == nil {
			return false
		}
		for _, known := range tool.Status.Builds {
			if known.Commit != commit {
				continue
			}
			record = known
			if began.IsZero() {
				began = time.Now()
			}
			if known.State == api.BuildSucceeded && ended.IsZero() {
				ended = time.Now()
			}
		}
		return record.State == api.BuildFailed || tool.Status.Serving != nil && tool.Status.Serving.Commit == commit
	})
	if err != nil {
		return builtIn{}, err
	}
	if record.State != api.BuildSucceeded {
		return builtIn{}, fmt.Errorf("the build of tool %s is %s: %s", tool.Name, record.State, record.Message)
	}
	return builtIn{took: ended.Sub(began), phases: record.Phases}, nil
}

// unique is a text that was never built.
func unique() string { return fmt.Sprintf("built by the bench at %d", time.Now().UnixNano()) }
