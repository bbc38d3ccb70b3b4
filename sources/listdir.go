package sources

import (
	"context"
	"errors"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// DirEntry is what one name in a directory of a commit stands for.
type DirEntry struct {
	Name string
	// ID is the git object id of its contents: the same id, the same contents.
	ID string
	// Regular tells a regular file, Dir a directory; everything else is neither.
	Regular, Dir bool
}

// List lists the names directly under dir, in git's order. Nothing is fetched.
//
// dir is relative to the root; "" and "." are the root. The error is fs.ErrNotExist when dir is not there, ErrContent when it is
// not a directory or is damaged, and ErrTooLarge when it has more than max names.
func (s *Snapshot) List(dir string, max int) ([]DirEntry, error) {
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
	var entries []DirEntry
	err = readTree(data, func(e treeEntry) bool {
		regular := e.mode == filemode.Regular || e.mode == filemode.Executable
		entries = append(entries, DirEntry{Name: e.name, ID: e.id.String(), Regular: regular, Dir: e.isDir()})
		return len(entries) <= max
	})
	switch {
	case err != nil:
		return nil, s.broken(err)
	case len(entries) > max:
		return nil, failf(ErrTooLarge, nil, "%q in commit %s has more than %d files and directories", dir, s.commit, max)
	}
	return entries, nil
}

// ReadFiles reads files that List has found in dir, by their ID, within opts; Wanted is not asked. Those that are not there yet
// are fetched in one request. One that is larger than MaxFile has nil.
//
// The error is ErrTooLarge when there are more than MaxFiles, or when all together are larger than MaxBytes, or one of Open's.
func (s *Snapshot) ReadFiles(ctx context.Context, dir string, entries []DirEntry, opts ReadDirOptions) (map[string][]byte, error) {
	opts = opts.withDefaults()
	if len(entries) > opts.MaxFiles {
		return nil, failf(ErrTooLarge, nil, "commit %s has more than %d files to read under %q", s.commit, opts.MaxFiles, dir)
	}
	files := make([]listed, 0, len(entries))
	for _, entry := range entries {
		files = append(files, listed{entry.Name, plumbing.NewHash(entry.ID)})
	}
	if err := s.fetchListed(ctx, dir, files, opts); err != nil {
		return nil, err
	}
	contents := make(map[string][]byte, len(entries))
	left := opts.MaxBytes
	for i, file := range files {
		data, err := s.readBlob(file.id, opts.MaxFile, errLarge)
		if errors.Is(err, errLarge) {
			data = nil
		} else if err != nil {
			return nil, err
		} else if data == nil {
			data = []byte{}
		}
		if left -= int64(len(data)); left < 0 {
			return nil, s.filesTooLarge(dir, opts)
		}
		contents[entries[i].ID] = data
	}
	return contents, nil
}

var errLarge = errors.New("larger than is read")
