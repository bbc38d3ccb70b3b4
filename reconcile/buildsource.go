package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sync"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/sources"
)

// buildSource is the commit that an image is built from.
type buildSource struct {
	repository, commit string
	// branch is what of the repository is followed.
	branch string
	// tree names all of it that can matter.
	tree string
	// paths are fingerprints of what is at the top of it.
	paths map[string]string
	// secretName names the Secret with the repository's credentials; empty for none.
	secretName string
	// stale says why the repository did not answer when it was last asked; nil when it did.
	stale error
}

// sourceOf is what a build is made of now; nil and the reason when that is not known.
func (t *Tools) sourceOf(ctx context.Context, p *pass, name string) (*buildSource, result) {
	declared := p.revision.Manifest.Builds[name]
	if declared.Repository == "" {
		return &buildSource{
			repository: p.tool.Spec.Repository, branch: p.tool.Spec.Ref, commit: p.commit, tree: p.revision.Trees[name],
			paths: p.revision.Paths[name], secretName: t.secretOf(p.tool, p.tool.Spec.Repository),
		}, result{}
	}
	repository := sources.Repository{URL: declared.Repository, Ref: cmp.Or(declared.Ref, "HEAD")}
	source := &buildSource{repository: declared.Repository, branch: declared.Ref, secretName: t.secretOf(p.tool, declared.Repository)}
	var r result
	if repository.Credentials, r = t.access(ctx, p.tool, declared.Repository); r.reason != "" {
		return nil, r
	}
	watched, reading := watchName(p.tool.Name, name), readingOf(declared)
	t.Revisions.Watch(watched, repository, reading, p.tool.Spec.Interval.Duration)
	seen, polled := t.Revisions.Latest(watched)
	switch {
	case !polled, seen.Err == nil && seen.Reading != reading:
		return nil, wait(api.ReasonPolling, fmt.Sprintf("build %s: asking %s for %s", name, repository.URL, repository.Ref), 0)
	case seen.Commit == "", seen.Reading != reading:
		return nil, stall(api.ReasonRepositoryFailed, fmt.Sprintf("build %s: %s", name, seen.Err))
	case seen.Value.wrong != nil:
		wrong := seen.Value.wrong
		return nil, mistaken(p, manifest.Problems{p.revision.Manifest.Problem(buildPath(name, wrong.key), wrong.message)})
	}
	if r := p.signedBy(t.Now(), "build "+name+": commit", seen.Commit, repository.Ref, seen.Value.Signature); r.outcome != done {
		return nil, r
	}
	source.commit, source.stale = seen.Commit, seen.Err
	source.tree, source.paths = seen.Value.Trees[manifest.MainBuild], seen.Value.Paths[manifest.MainBuild]
	return source, result{}
}

// sameHost tells whether two repositories are on the same host, spoken to in the same way.
func sameHost(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme && x.Host == y.Host
}

// reading says what is read of a commit of a repository that is not the tool's own. The tool's own has an empty one.
type reading struct {
	Path   string   `json:"path,omitempty"`
	Ignore []string `json:"ignore,omitempty"`
}

func readingOf(declared manifest.Build) string {
	text, err := json.Marshal(reading{declared.Path, declared.Ignore})
	if err != nil {
		panic(fmt.Sprintf("encode what is read of a repository: %v", err)) // strings only: cannot fail
	}
	return string(text)
}

// readOther reads a commit of a repository that is not the tool's own.
func readOther(snapshot *sources.Snapshot, text string) (Revision, error) {
	var what reading
	if err := json.Unmarshal([]byte(text), &what); err != nil {
		return Revision{}, fmt.Errorf("decode what is read of a repository: %w", err)
	}
	tree, paths, wrong, err := treeOf(snapshot, manifest.Build{Path: what.Path, Ignore: what.Ignore}, false)
	if err != nil {
		return Revision{}, err
	}
	return Revision{
		Trees: map[string]string{manifest.MainBuild: tree}, Paths: map[string]map[string]string{manifest.MainBuild: paths}, wrong: wrong,
	}, nil
}

// watchName is under which name the repository of a build is watched. No tool's name has a slash.
func watchName(tool, build string) string { return tool + "/" + build }

// others remembers which repositories beside its own are watched for each tool, so that they can be forgotten.
type others struct {
	mu     sync.Mutex
	byTool map[string][]string
}

func newOthers() *others { return &others{byTool: make(map[string][]string)} }

// replace returns the names that were watched for a tool and are not any more.
func (o *others) replace(tool string, names []string) (gone []string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, name := range o.byTool[tool] {
		if !slices.Contains(names, name) {
			gone = append(gone, name)
		}
	}
	delete(o.byTool, tool)
	if len(names) > 0 {
		o.byTool[tool] = names
	}
	return gone
}

// followOthers has the repositories of these builds watched for a tool, and no others beside its own.
func (t *Tools) followOthers(tool string, m *manifest.Manifest) {
	var names []string
	if m != nil {
		for _, name := range m.BuildNames() {
			if m.Builds[name].Repository != "" {
				names = append(names, watchName(tool, name))
			}
		}
	}
	for _, name := range t.others.replace(tool, names) {
		t.Revisions.Forget(name)
	}
}

// forget stops watching the repositories of a tool.
func (t *Tools) forget(tool string) {
	t.Revisions.Forget(tool)
	t.Builds.Forget(tool)
	t.followOthers(tool, nil)
}
