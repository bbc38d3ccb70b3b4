package retention

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// Registry is what is said to the registry.
type Registry interface {
	Repositories(ctx context.Context, prefix string) ([]string, error)
	Tags(ctx context.Context, repository string) ([]string, error)
	Behind(ctx context.Context, reference string) (registry.Behind, error)
	Remove(ctx context.Context, reference string) error
	Keep(ctx context.Context, reference string, a registry.Artifact) error
	Kept(ctx context.Context, reference string, most int64) (registry.Artifact, error)
}

// Sweeper goes over the tools of one shard again and again, one after the other and spread over the interval, with one request under
// way at a time. All fields are required.
type Sweeper struct {
	Policy Policy
	// Prefix is that of all repositories: host[:port][/path]. It must be this installation's alone.
	Prefix string
	// Registry makes a client, for one tool: clients remember every repository that they have seen.
	Registry func() (Registry, error)
	// Shard names the shard; Owns tells whether a tool, or one that is gone, is the shard's.
	Shard string
	Owns  func(tool string) bool
	// Tools lists Tools from a cache, Live reads them from the API server.
	Tools, Live client.Reader
	// Objects say what tools' objects name.
	Objects Objects
	// Claims are those of the builds.
	Claims *build.Claims
	// Missing is called for a tool whose record has an image that the registry does not have.
	Missing func(tool string)
	Now     func() time.Time
	Log     *slog.Logger

	journal journal
	// looks are the tools that were looked at.
	looks map[string]look
	// unable tells that the registry has refused to remove something in this pass.
	unable bool
}

// look is when a tool was looked at last: it need not be again before next, as long as its records have the same version.
type look struct {
	version string
	next    time.Time
	// bare are the builds of which nothing was in the registry.
	bare []string
}

const (
	// lookAgain is how long a tool is left alone of which nothing waits and nothing changes.
	lookAgain = 24 * time.Hour
	// lookTimeout bounds one look at a tool.
	lookTimeout = 15 * time.Minute
)

// Start sweeps until ctx ends. The manager starts it on the replica that leads.
func (s *Sweeper) Start(ctx context.Context) error {
	s.looks = make(map[string]look)
	for ctx.Err() == nil {
		if err := s.pass(ctx); err != nil && ctx.Err() == nil {
			s.journal.trouble(err)
			s.Log.Warn("a pass over what builds have left could not begin", "error", err)
			sleep(ctx, s.Policy.Interval)
		}
	}
	return nil
}

// pass looks at every tool that has something in the registry, or may have.
func (s *Sweeper) pass(ctx context.Context) error {
	var list api.ToolList
	if err := s.Tools.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return err
	}
	tools := map[string]*api.Tool{}
	for i := range list.Items {
		if tool := &list.Items[i]; s.Owns(tool.Name) {
			tools[tool.Name] = tool
		}
	}
	known, err := s.known(ctx, tools)
	if err != nil {
		return err
	}
	s.journal.begin()
	s.unable = false
	pause := s.Policy.Interval / time.Duration(len(known)+1)
	sleep(ctx, pause)
	for _, name := range slices.Sorted(maps.Keys(known)) {
		s.visit(ctx, name, tools[name], known[name])
		sleep(ctx, pause)
	}
	if ctx.Err() == nil {
		s.journal.end(s.Now(), s.Log)
	}
	return nil
}

// visit looks at a tool when there is a reason to; nil for one that is gone.
func (s *Sweeper) visit(ctx context.Context, name string, tool *api.Tool, builds []string) {
	version := "gone"
	if tool != nil {
		version = tool.ResourceVersion
		if tool.DeletionTimestamp != nil {
			return // when it is gone
		}
	}
	if last, before := s.looks[name]; before && last.version == version && s.Now().Before(last.next) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	next, bare, err := s.look(ctx, name, tool, builds)
	if err != nil {
		s.journal.trouble(err)
		s.Log.Warn("what builds have left could not be looked at", "tool", name, "error", err)
		return
	}
	s.looks[name] = look{version: version, next: next, bare: bare}
}

// sleep waits, at the most until ctx ends.
func sleep(ctx context.Context, wait time.Duration) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
