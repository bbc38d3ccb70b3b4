package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/sources"
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
	// Tree is the git id of the source's contents, without toolforge.yaml.
	Tree string
}

// ReadRevision reads a commit, for the reading "". An error means that it could not be read; mistakes in the commit are in the Revision.
func ReadRevision(ctx context.Context, snapshot *sources.Snapshot, _ string) (Revision, error) {
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
	declared, problems := manifest.Parse(data)
	if len(problems) > 0 {
		return Revision{Problems: problems}, nil
	}
	return readTree(declared, string(data), snapshot)
}

func readTree(declared *manifest.Manifest, text string, snapshot *sources.Snapshot) (Revision, error) {
	var patterns []string
	if declared.Build.Path == "" {
		patterns = append(patterns, "/"+manifestFile)
	}
	ignore, err := sources.ParseIgnore(patterns)
	if err != nil {
		return Revision{}, err
	}
	tree, err := snapshot.TreeID(declared.Build.Path, ignore)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, sources.ErrContent) {
		return Revision{Problems: manifest.Problems{declared.Problem("build.path", fmt.Sprintf(
			"`build.path` is %q: the repository has no such directory at this commit", declared.Build.Path))}}, nil
	}
	if err != nil {
		return Revision{}, fmt.Errorf("read the tree of %q: %w", declared.Build.Path, err)
	}
	return Revision{Manifest: declared, Text: text, Tree: tree}, nil
}
