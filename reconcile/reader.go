package reconcile

import (
	"context"
	"strings"

	"github.com/toolforge/toolforged/reconcile/directory"
	"github.com/toolforge/toolforged/sources"
	"github.com/toolforge/toolforged/sources/signed"
)

// directoryReading begins what is read of the commit of a directory of tools: its path follows.
const directoryReading = "directory "

// directoryWatch begins the names under which the repositories of Directories are watched. No tool's name has a colon.
const directoryWatch = "directory:"

// Reader reads commits: those of tools as ReadRevision does, those of directories of tools with what it remembers of them. The
// zero value is ready to use.
type Reader struct{ directories directory.Reader }

// Read reads what reading says of a commit.
func (r *Reader) Read(ctx context.Context, snapshot *sources.Snapshot, reading string) (Revision, error) {
	path, ok := strings.CutPrefix(reading, directoryReading)
	if !ok {
		return ReadRevision(ctx, snapshot, reading)
	}
	listing, err := r.directories.Read(ctx, snapshot, path)
	return Revision{Listing: listing, Signature: signed.Of(snapshot.RawCommit())}, err
}

// Wake has that woken for which a repository is watched under a name: a tool, or a Directory.
func Wake(tools, directories *Waker) func(watched string) {
	return func(watched string) {
		if name, ok := strings.CutPrefix(watched, directoryWatch); ok {
			directories.Wake(name)
			return
		}
		tools.Wake(watched)
	}
}
