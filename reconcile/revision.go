package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/directory"
	"github.com/toolforge/toolforged/sources"
	"github.com/toolforge/toolforged/sources/signed"
)

// manifestFile is the file that declares a tool, at the root of its repository.
const manifestFile = "toolforge.yaml"

// maxManifest is more than the parser takes, in bytes, so that it is the parser that says what is too large.
const maxManifest = 1 << 20

// Revision is what toolforged keeps of a commit: what it declares, and what names its source.
type Revision struct {
	// Missing tells that the commit has no toolforge.yaml.
	Missing bool
	// Manifest is nil when there are Problems.
	Manifest *manifest.Manifest
	Problems manifest.Problems
	// Text is the toolforge.yaml itself, when Manifest is not nil.
	Text string
	// Trees are the git ids of the contents of what is built of this repository, by build, without what cannot matter.
	Trees map[string]string
	// Paths are fingerprints of what is at the top of each of them.
	Paths map[string]map[string]string
	// Own are the Kubernetes objects that the repository brings itself.
	Own []*unstructured.Unstructured
	// Listing is what the commit lists, when it is of a directory of tools.
	Listing directory.Listing
	// Signature is the commit's.
	Signature signed.Signature
	// wrong is a mistake in what a build says of a repository that is not the tool's own.
	wrong *wrongSource
}

// ReadRevision reads a commit: of the tool's own repository when reading is empty, else what that says of another one. An
// error means that it could not be read; mistakes in the commit are in the Revision.
func ReadRevision(ctx context.Context, snapshot *sources.Snapshot, reading string) (revision Revision, err error) {
	if reading != "" {
		revision, err = readOther(snapshot, reading)
	} else {
		revision, err = readTool(ctx, snapshot)
	}
	revision.Signature = signed.Of(snapshot.RawCommit())
	return revision, err
}

// readTool reads a commit of the tool's own repository.
func readTool(ctx context.Context, snapshot *sources.Snapshot) (Revision, error) {
	data, err := snapshot.ReadFile(ctx, manifestFile, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return Revision{Missing: true}, nil
	}
	if errors.Is(err, sources.ErrContent) || errors.Is(err, sources.ErrTooLarge) {
		return Revision{Problems: manifest.Problems{{Line: 1, Column: 1, Message: err.Error()}}}, nil
	}
	if err != nil {
		return Revision{}, fmt.Errorf("read %s: %w", manifestFile, err)
	}
	followed := snapshot.Repository()
	declared, problems := manifest.Parse(data, manifest.Origin{Repository: followed.URL, Ref: followed.Ref})
	if len(problems) > 0 {
		return Revision{Problems: problems}, nil
	}
	revision, err := readTrees(declared, string(data), snapshot)
	if err != nil {
		return Revision{}, err
	}
	own, wrong, err := readOwn(ctx, declared, snapshot)
	if err != nil {
		return Revision{}, err
	}
	if problems = append(revision.Problems, wrong...).Sorted(); len(problems) > 0 {
		return Revision{Problems: problems}, nil
	}
	revision.Own = own
	return revision, nil
}

// readTrees names the source of each build of this repository.
func readTrees(declared *manifest.Manifest, text string, snapshot *sources.Snapshot) (Revision, error) {
	revision := Revision{Manifest: declared, Text: text, Trees: make(map[string]string), Paths: make(map[string]map[string]string)}
	var problems manifest.Problems
	for _, name := range declared.BuildNames() {
		if declared.Builds[name].Repository != "" {
			continue
		}
		tree, paths, wrong, err := treeOf(snapshot, declared.Builds[name], true)
		if err != nil {
			return Revision{}, err
		}
		if wrong != nil {
			problems = append(problems, declared.Problem(buildPath(name, wrong.key), wrong.message))
		}
		revision.Trees[name], revision.Paths[name] = tree, paths
	}
	if len(problems) > 0 {
		return Revision{Problems: problems}, nil
	}
	return revision, nil
}

// wrongSource is a mistake in what a build says of its source: under which of its keys, and what.
type wrongSource struct{ key, message string }

// buildPath leads to a key of a build in the file.
func buildPath(name, key string) string {
	if name == manifest.MainBuild {
		return "build." + key
	}
	return "builds." + name + "." + key
}

// treeOf names all of a commit that can matter to a build, and what is at the top of that. Own tells that the commit is the
// tool's: its toolforge.yaml does not matter.
func treeOf(snapshot *sources.Snapshot, declared manifest.Build, own bool) (string, map[string]string, *wrongSource, error) {
	patterns := slices.Clone(declared.Ignore)
	if own && declared.Path == "" {
		patterns = append(patterns, "/"+manifestFile)
	}
	ignore, err := sources.ParseIgnore(patterns)
	if err != nil {
		return "", nil, &wrongSource{"ignore", err.Error()}, nil
	}
	tree, err := snapshot.TreeID(declared.Path, ignore)
	var paths map[string]string
	if err == nil {
		paths, err = snapshot.Entries(declared.Path, ignore, build.MaxPaths)
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, sources.ErrContent) {
		return "", nil, &wrongSource{"path", fmt.Sprintf("`path` is %q: the repository has no such directory at commit %.7s",
			declared.Path, snapshot.Commit())}, nil
	}
	if errors.Is(err, sources.ErrTooLarge) {
		return "", nil, &wrongSource{"ignore", err.Error()}, nil
	}
	if err != nil {
		return "", nil, nil, fmt.Errorf("read the tree of %q: %w", declared.Path, err)
	}
	return tree, paths, nil, nil
}
