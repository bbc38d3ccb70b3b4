package sources

import (
	"encoding/hex"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Entries are fingerprints of what TreeID names, by the names at the top of it; those of directories end with a slash. The same
// fingerprint means the same contents. Of a directory with more than that many entries it returns nil. Errors are TreeID's.
func (s *Snapshot) Entries(dir string, ignore Ignore, most int) (map[string]string, error) {
	top, err := s.find(dir)
	if err != nil {
		return nil, err
	}
	if !top.isDir() {
		return nil, s.notDirectory(dir, top)
	}
	data, err := s.tree(top.id)
	if err != nil {
		return nil, err
	}
	f := &treeFilter{snapshot: s, dir: dir, ignore: ignore, done: map[filtered]plumbing.Hash{}}
	entries := make(map[string]string)
	var bad error
	err = readTree(data, func(e treeEntry) bool {
		var raw []byte
		if raw, bad = f.entry(e, ignore.start(), 0); bad == nil && raw != nil {
			entries[entryName(e)] = fingerprint(e, raw)
		}
		return bad == nil && len(entries) <= most
	})
	switch {
	case err != nil:
		return nil, s.broken(err)
	case bad != nil:
		return nil, bad
	case len(entries) > most:
		return nil, nil
	}
	return entries, nil
}

func entryName(e treeEntry) string {
	if e.isDir() {
		return e.name + "/"
	}
	return e.name
}

// fingerprint is the beginning of the id that stands in the tree, and what kind of file it is.
func fingerprint(e treeEntry, raw []byte) string {
	id := hex.EncodeToString(raw[len(raw)-len(e.id):])[:12]
	if e.mode == filemode.Executable {
		return id + "x"
	}
	return id
}
