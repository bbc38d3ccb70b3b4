package sources

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Bounds of the work of one walk through trees: entries looked at, directories within each other, and comparisons of
// a character with one of a pattern, which is about a second.
const (
	maxEntries     = 2_000_000
	maxDepth       = maxPath / 2
	maxComparisons = 1 << 28
)

var emptyTree = plumbing.ComputeHash(plumbing.TreeObject, nil)

// TreeID is the git object id that names everything under dir but what ignore leaves out: the id that git would give
// the directory without it (and without directories that are empty then). It is the tree's own id when nothing is left
// out. The same id means the same contents, in whatever repository. No file is fetched.
//
// dir is relative to the root; "" and "." are the root. The patterns are relative to dir. The error is fs.ErrNotExist
// when dir is not there, ErrContent when it is not a directory, and ErrTooLarge when comparing its entries with the
// patterns is too much work.
func (s *Snapshot) TreeID(dir string, ignore Ignore) (string, error) {
	entry, err := s.find(dir)
	if err != nil {
		return "", err
	}
	if !entry.isDir() {
		return "", s.notDirectory(dir, entry)
	}
	if _, err := s.tree(entry.id); err != nil {
		return "", err
	}
	f := &treeFilter{snapshot: s, dir: dir, ignore: ignore, done: map[filtered]plumbing.Hash{}}
	id, err := f.tree(entry.id, ignore.start(), 0)
	if err != nil {
		return "", err
	}
	return id.String(), nil
}

// treeFilter computes the ids of trees without what is ignored.
type treeFilter struct {
	snapshot    *Snapshot
	dir         string
	ignore      Ignore
	done        map[filtered]plumbing.Hash // so that a directory that is there many times is read once
	entries     int
	comparisons int
}

// filtered names a tree and a progress of the patterns, by its hash, because there are many.
type filtered struct {
	tree plumbing.Hash
	all  [sha256.Size]byte
}

func (f *treeFilter) tree(id plumbing.Hash, all []progress, depth int) (plumbing.Hash, error) {
	if len(all) == 0 {
		return id, nil // no pattern reaches here
	}
	key := filtered{id, hashProgress(all)}
	if found, ok := f.done[key]; ok {
		return found, nil
	}
	if depth > maxDepth {
		return id, failf(ErrTooLarge, nil, "commit %s has more than %d directories within each other under %q", f.snapshot.commit, maxDepth, f.dir)
	}
	data, err := f.snapshot.tree(id)
	if err != nil {
		return id, err
	}
	var bad error
	kept := make([]byte, 0, len(data))
	err = readTree(data, func(e treeEntry) bool {
		var raw []byte
		raw, bad = f.entry(e, all, depth)
		kept = append(kept, raw...)
		return bad == nil
	})
	switch {
	case err != nil:
		return id, f.snapshot.broken(err)
	case bad != nil:
		return id, bad
	case !bytes.Equal(kept, data):
		id = plumbing.ComputeHash(plumbing.TreeObject, kept)
	}
	f.done[key] = id
	return id, nil
}

// entry is what stands for e in the tree: nothing when it is left out.
func (f *treeFilter) entry(e treeEntry, all []progress, depth int) ([]byte, error) {
	if err := f.account(e, all); err != nil {
		return nil, err
	}
	next, matched := f.ignore.step(all, e.name, e.isDir() || e.mode == filemode.Submodule)
	if matched {
		return nil, nil
	}
	if !e.isDir() {
		return e.raw, nil
	}
	id, err := f.tree(e.id, next, depth+1)
	switch {
	case err != nil:
		return nil, err
	case id == e.id:
		return e.raw, nil
	case id == emptyTree:
		return nil, nil
	}
	name := e.raw[:len(e.raw)-len(id)]
	return append(bytes.Clone(name), id[:]...), nil
}

func (f *treeFilter) account(e treeEntry, all []progress) error {
	f.entries++
	f.comparisons += f.ignore.cost(all, e.name)
	switch {
	case f.entries > maxEntries:
		return failf(ErrTooLarge, nil, "commit %s has more than %d files and directories under %q, too many for patterns of what to ignore",
			f.snapshot.commit, maxEntries, f.dir)
	case f.comparisons > maxComparisons:
		return failf(ErrTooLarge, nil, "commit %s has too many files under %q for so many or so long patterns of what to ignore: write fewer or shorter ones",
			f.snapshot.commit, f.dir)
	}
	return nil
}

func hashProgress(all []progress) [sha256.Size]byte {
	data := make([]byte, 0, 4*len(all))
	for _, at := range all {
		data = binary.BigEndian.AppendUint16(data, at.pattern)
		data = binary.BigEndian.AppendUint16(data, at.names)
	}
	return sha256.Sum256(data)
}
