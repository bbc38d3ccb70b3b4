package sources

import (
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// planned is one thing to write, at a path under the directory.
type planned struct {
	treeEntry
	path   string
	target string // of a link
}

// plan lists what is under opts.Path, each directory before what it holds, and refuses what must not be written.
func (s *Snapshot) plan(opts CheckoutOptions) ([]*planned, error) {
	top, err := s.find(opts.Path)
	if err != nil {
		return nil, err
	}
	if !top.isDir() {
		return nil, s.notDirectory(opts.Path, top)
	}
	p := &planner{snapshot: s, opts: opts}
	err = p.dir(top.id, "")
	return p.entries, err
}

type planner struct {
	snapshot *Snapshot
	opts     CheckoutOptions
	entries  []*planned
}

func (p *planner) dir(id plumbing.Hash, at string) error {
	data, err := p.snapshot.tree(id)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	var dirs []*planned
	var bad error
	err = readTree(data, func(e treeEntry) bool {
		if at == "" && slices.Contains(p.opts.Except, e.name) {
			return true
		}
		entry := &planned{treeEntry: e, path: path.Join(at, e.name)}
		bad = p.add(entry, seen)
		if e.isDir() {
			dirs = append(dirs, entry)
		}
		return bad == nil
	})
	switch {
	case err != nil:
		return p.snapshot.broken(err)
	case bad != nil:
		return bad
	}
	for _, d := range dirs {
		if err := p.dir(d.id, d.path); err != nil {
			return err
		}
	}
	return nil
}

func (p *planner) add(e *planned, seen map[string]bool) error {
	if err := checkName(e.name); err != nil {
		return failf(ErrContent, err, "commit %s holds %q: %s", p.snapshot.commit, e.path, err)
	}
	switch {
	case seen[e.name]:
		return failf(ErrContent, nil, "commit %s holds %q twice", p.snapshot.commit, e.path)
	case e.mode == filemode.Empty:
		return failf(ErrContent, nil, "commit %s holds %q, which is %s", p.snapshot.commit, e.path, e.describe())
	case len(e.path) > maxPath:
		return failf(ErrContent, nil, "commit %s holds a path of more than %d bytes: %.80q…", p.snapshot.commit, maxPath, e.path)
	case len(p.entries) >= p.opts.MaxFiles:
		return failf(ErrTooLarge, nil, "commit %s has more than %d files and directories", p.snapshot.commit, p.opts.MaxFiles)
	}
	seen[e.name] = true
	e.raw = nil // it would keep the tree in memory
	p.entries = append(p.entries, e)
	return nil
}
