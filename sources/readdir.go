package sources

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// ReadDirOptions say which files are read, and bound them; the zero value of each field stands for its default.
type ReadDirOptions struct {
	// Wanted says whether a file is read, by its name without the directories; default every file.
	Wanted func(name string) bool
	// MaxFiles bounds the number of files; default 100, at most 10,000.
	MaxFiles int
	// MaxFile bounds the bytes of each file; default 1 MiB.
	MaxFile int64
	// MaxBytes bounds the bytes of all files; default 8 MiB.
	MaxBytes int64
}

func (o ReadDirOptions) withDefaults() ReadDirOptions {
	o.MaxFiles = min(cmp.Or(o.MaxFiles, 100), maxBatch)
	o.MaxFile = cmp.Or(o.MaxFile, 1<<20)
	o.MaxBytes = cmp.Or(o.MaxBytes, 8<<20)
	if o.Wanted == nil {
		o.Wanted = func(string) bool { return true }
	}
	return o
}

// File is a file of a commit.
type File struct {
	// Path is relative to the root of the repository.
	Path string
	Data []byte
}

// ReadDir reads the wanted files under dir, at any depth, sorted by their path. Only they are fetched, in one request.
//
// dir is relative to the root; "" and "." are the root. The error is fs.ErrNotExist when dir is not there, ErrContent
// when it is not a directory, or when something of a wanted name is a symbolic link, a submodule or has a name that git
// forbids, ErrTooLarge when there is more than the bounds, or one of Open's. Links to directories are not followed.
func (s *Snapshot) ReadDir(ctx context.Context, dir string, opts ReadDirOptions) ([]File, error) {
	opts = opts.withDefaults()
	names, err := splitPath(dir)
	if err != nil {
		return nil, err
	}
	top, err := s.find(dir)
	if err != nil {
		return nil, err
	}
	if !top.isDir() {
		return nil, s.notDirectory(dir, top)
	}
	found, err := s.listFiles(top.id, path.Join(names...), opts)
	if err != nil {
		return nil, err
	}
	if err := s.fetchListed(ctx, dir, found, opts); err != nil {
		return nil, err
	}
	return s.readListed(dir, found, opts)
}

// listed is a wanted file.
type listed struct {
	path string
	id   plumbing.Hash
}

// lister finds the wanted files of a directory.
type lister struct {
	snapshot *Snapshot
	dir      string
	opts     ReadDirOptions
	entries  int
	found    []listed
}

// listFiles finds the wanted files of the tree at that path, sorted.
func (s *Snapshot) listFiles(id plumbing.Hash, at string, opts ReadDirOptions) ([]listed, error) {
	l := &lister{snapshot: s, dir: at, opts: opts}
	if err := l.list(id, at); err != nil {
		return nil, err
	}
	slices.SortFunc(l.found, func(a, b listed) int { return cmp.Compare(a.path, b.path) })
	for i := range l.found[min(1, len(l.found)):] {
		if l.found[i].path == l.found[i+1].path {
			return nil, failf(ErrContent, nil, "commit %s holds %q twice", s.commit, l.found[i].path)
		}
	}
	return l.found, nil
}

func (l *lister) list(id plumbing.Hash, at string) error {
	data, err := l.snapshot.tree(id)
	if err != nil {
		return err
	}
	var bad error
	err = readTree(data, func(e treeEntry) bool {
		bad = l.entry(e, at)
		return bad == nil
	})
	if err != nil {
		return l.snapshot.broken(err)
	}
	return bad
}

func (l *lister) entry(e treeEntry, at string) error {
	l.entries++
	wanted := !e.isDir() && l.opts.Wanted(e.name)
	switch {
	case l.entries > maxEntries:
		return failf(ErrTooLarge, nil, "commit %s has more than %d files and directories under %q", l.snapshot.commit, maxEntries, l.dir)
	case !wanted && !e.isDir():
		return nil
	}
	if err := checkName(e.name); err != nil {
		return failf(ErrContent, err, "commit %s holds %.300q in %.300q: %s", l.snapshot.commit, e.name, at, err)
	}
	full := path.Join(at, e.name)
	switch {
	case len(full) > maxPath:
		return failf(ErrContent, nil, "commit %s holds a path of more than %d bytes: %.80q…", l.snapshot.commit, maxPath, full)
	case e.isDir():
		return l.list(e.id, full)
	case e.mode != filemode.Regular && e.mode != filemode.Executable:
		return failf(ErrContent, nil, "%q in commit %s is %s, not a regular file", full, l.snapshot.commit, e.describe())
	case len(l.found) >= l.opts.MaxFiles:
		return failf(ErrTooLarge, nil, "commit %s has more than %d files to read under %q, among them %q", l.snapshot.commit, l.opts.MaxFiles, l.dir, full)
	}
	l.found = append(l.found, listed{full, e.id})
	return nil
}

// fetchListed fetches the files that are not there yet.
func (s *Snapshot) fetchListed(ctx context.Context, dir string, files []listed, opts ReadDirOptions) error {
	var missing []plumbing.Hash
	wanted := map[plumbing.Hash]bool{}
	for _, f := range files {
		if !wanted[f.id] && !s.store.has(f.id) {
			missing = append(missing, f.id)
		}
		wanted[f.id] = true
	}
	if len(missing) == 0 {
		return nil
	}
	ctx, cancel := s.client.bounded(ctx)
	defer cancel()
	// A file that is larger than MaxFile alone is found when it is read, where its path is known. Twice, because what
	// comes as a change of another file counts with the change.
	bounds := limits{pack: opts.MaxBytes + opts.MaxBytes/100 + 64<<10 + int64(len(missing))*1024, objects: len(missing),
		unpacked: 2 * opts.MaxBytes, object: opts.MaxBytes}
	err := s.fetchBlobs(ctx, missing, bounds)
	if errors.Is(err, ErrTooLarge) && !s.complete {
		return s.filesTooLarge(dir, opts)
	}
	return err
}

func (s *Snapshot) readListed(dir string, found []listed, opts ReadDirOptions) ([]File, error) {
	files := make([]File, 0, len(found))
	left := opts.MaxBytes
	for _, f := range found {
		tooLarge := failf(ErrTooLarge, nil, "%q in commit %s is larger than %s", f.path, s.commit, size(opts.MaxFile))
		data, err := s.readBlob(f.id, opts.MaxFile, tooLarge)
		if err != nil {
			return nil, err
		}
		if left -= int64(len(data)); left < 0 {
			return nil, s.filesTooLarge(dir, opts)
		}
		files = append(files, File{Path: f.path, Data: data})
	}
	return files, nil
}

func (s *Snapshot) filesTooLarge(dir string, opts ReadDirOptions) error {
	return failf(ErrTooLarge, nil, "the files to read under %q in commit %s are larger than %s in all", dir, s.commit, size(opts.MaxBytes))
}
