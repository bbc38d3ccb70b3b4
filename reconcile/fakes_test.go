package reconcile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/sources"
)

// revisions is what a poller would have found.
type revisions struct {
	mu      sync.Mutex
	latest  map[string]sources.Observation[Revision]
	watched map[string]bool
	// looks counts how often each tool was taken through its steps.
	looks map[string]int
}

func newRevisions() *revisions {
	return &revisions{
		latest:  make(map[string]sources.Observation[Revision]),
		watched: make(map[string]bool),
		looks:   make(map[string]int),
	}
}

func (r *revisions) Watch(name string, _ sources.Repository, _ string, _ time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watched[name] = true
}

func (r *revisions) Forget(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.watched, name)
}

func (r *revisions) Latest(name string) (sources.Observation[Revision], bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks[name]++
	seen, ok := r.latest[name]
	return seen, ok
}

func (r *revisions) looked(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.looks[name]
}

func (r *revisions) watches(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.watched[name]
}

func (r *revisions) set(name string, seen sources.Observation[Revision]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.latest[name] = seen
}

// unreachable has the next polls of a repository fail.
func (r *revisions) unreachable(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.latest[name]
	seen.Err = errors.New("cannot reach https://git.example")
	r.latest[name] = seen
}

// revision is what a commit with that toolforge.yaml and that source comes to.
func revision(yaml, source string) Revision {
	declared, problems := manifest.Parse([]byte(yaml), manifest.Origin{})
	if len(problems) > 0 {
		return Revision{Problems: problems}
	}
	trees := make(map[string]string)
	for _, name := range declared.BuildNames() {
		trees[name] = source + strings.TrimPrefix("-"+name, "-"+manifest.MainBuild)
	}
	return Revision{Manifest: declared, Text: yaml, Trees: trees}
}

func commit(name string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(name)))[:40] }

func digest(of string) string { return fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(of))) }

// builds succeed at once. The image depends on the build's inputs and nothing else.
type builds struct{}

func (builds) Step(_ context.Context, r build.Request, last *api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error) {
	if last != nil && last.Key == r.Inputs.Key() {
		return *last, history, nil
	}
	return api.Build{
		Name:      r.Name,
		Key:       r.Inputs.Key(),
		Commit:    r.Commit,
		Source:    r.Inputs.Tree,
		State:     api.BuildSucceeded,
		Image:     imageOf(r.Tool, r.Name, r.Inputs.Key()),
		Processes: []string{"web", "worker"},
	}, history, nil
}

// Rest implements reconcile.Builds.
func (builds) Rest(_ context.Context, _ string, last api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error) {
	return last, history, nil
}

// Leave implements reconcile.Builds.
func (builds) Leave(_ context.Context, _ string, _ api.Build, history []api.PastBuild) (bool, []api.PastBuild, error) {
	return true, history, nil
}

// Doubt implements reconcile.Builds.
func (builds) Doubt(string) bool { return false }

// Forget implements reconcile.Builds.
func (builds) Forget(string) {}

func imageOf(tool, build, key string) string {
	return "registry.example/tool-" + tool + "/" + build + "@" + digest(key)
}

// journal holds what was logged, and the notes of events.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) line(prefix, args string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, prefix+" "+args)
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

// recorder writes events down.
type recorder struct {
	t   *testing.T
	log *journal
}

func (r recorder) Eventf(_, _ runtime.Object, _, reason, _, note string, args ...any) {
	text := fmt.Sprintf(note, args...)
	if len(text) > maxNote {
		r.t.Errorf("event %s has a note of %d bytes", reason, len(text))
	}
	r.log.line("event "+reason, text)
}
