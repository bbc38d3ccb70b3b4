package directory

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"sync"

	"github.com/toolforge/toolforged/sources"
)

// Bounds of a directory.
const (
	maxFiles = 10_000
	maxNames = 20_000
	maxFile  = 64 << 10
	maxBytes = 32 << 20
	// maxKept is how many directories' files are remembered.
	maxKept = 16
)

// Reader reads commits, and remembers the files of each directory, so that of the next commit only what changed is fetched. The
// zero value is ready to use. It is safe for concurrent use.
type Reader struct {
	mu   sync.Mutex
	kept map[string]map[string]*File // by repository and path, by file name and object id
}

// Read reads the tools that a commit lists under dir. An error means that it could not be read at all; mistakes of single files
// are in the Listing.
func (r *Reader) Read(ctx context.Context, snapshot *sources.Snapshot, dir string) (Listing, error) {
	entries, err := snapshot.List(dir, maxNames)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, sources.ErrContent) || errors.Is(err, sources.ErrInvalid) {
		return Listing{Missing: err.Error()}, nil
	}
	if err != nil {
		return Listing{}, err
	}
	of := snapshot.Repository().URL + "\n" + dir
	before := r.get(of)
	var files []*File
	var changed []sources.DirEntry
	for _, entry := range entries {
		if entry.Dir || !isToolFile(entry.Name) {
			continue
		}
		at := path.Join(dir, entry.Name)
		known := before[entry.Name+"\n"+entry.ID]
		switch {
		case !entry.Regular:
			known = noFile(at)
		case known == nil:
			changed = append(changed, entry)
		}
		if known != nil {
			files = append(files, known)
		}
	}
	now := make(map[string]*File, len(entries))
	contents, err := snapshot.ReadFiles(ctx, dir, changed, sources.ReadDirOptions{MaxFiles: maxFiles, MaxFile: maxFile, MaxBytes: maxBytes})
	if err != nil {
		return Listing{}, err
	}
	for _, entry := range changed {
		at := path.Join(dir, entry.Name)
		file := tooLarge(at)
		if data := contents[entry.ID]; data != nil {
			file = Parse(at, data)
		}
		now[entry.Name+"\n"+entry.ID] = file
		files = append(files, file)
	}
	for _, entry := range entries {
		if known := before[entry.Name+"\n"+entry.ID]; known != nil {
			now[entry.Name+"\n"+entry.ID] = known
		}
	}
	r.put(of, now)
	return sorted(files), nil
}

// isToolFile tells a tool's file from a README.
func isToolFile(name string) bool {
	return !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml"))
}

func (r *Reader) get(of string) map[string]*File {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept[of]
}

func (r *Reader) put(of string, files map[string]*File) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept == nil || len(r.kept) >= maxKept && r.kept[of] == nil {
		r.kept = map[string]map[string]*File{} // it is a memory only
	}
	r.kept[of] = files
}
