package sources

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Snapshot is one commit of a repository: its trees, and its files when they are asked for. It is for use by one
// goroutine at a time and holds the trees in memory, so it should not be kept.
type Snapshot struct {
	client *Client
	repo   Repository
	commit plumbing.Hash
	root   plumbing.Hash
	store  objectStore
	// complete says that the blobs were fetched too, because the server offers no filter or refuses single blobs.
	complete bool
	limits   limits
}

// Open reads a commit and its trees, without files where the server offers that. commit is a full id. A large snapshot
// counts against the client's bound of memory until ctx ends.
//
// Errors are those of Resolve, ErrNoCommit when the repository does not have it, and ErrTooLarge when it is over the
// bounds of the client's options.
func (c *Client) Open(ctx context.Context, repo Repository, commit string) (*Snapshot, error) {
	bounds := c.openLimits(ctx)
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	return c.open(ctx, repo, commit, memoryStore{}, bounds)
}

func (c *Client) open(ctx context.Context, repo Repository, commit string, store objectStore, limits limits) (*Snapshot, error) {
	if err := repo.Validate(); err != nil {
		return nil, err
	}
	if !isCommitID(commit) {
		return nil, failf(ErrInvalid, nil, "%.80q is not a full commit id of 40 hexadecimal digits", commit)
	}
	s := &Snapshot{client: c, repo: repo, commit: plumbing.NewHash(commit), store: store, limits: limits}
	if err := s.fetchCommit(ctx, true); err != nil {
		return nil, err
	}
	return s, s.findRoot()
}

// fetchCommit fetches the commit with its trees, and with its blobs unless they can and should be left out.
func (s *Snapshot) fetchCommit(ctx context.Context, withoutBlobs bool) error {
	var offered capabilities
	err := s.client.fetch(ctx, s.repo, s.store, s.limits, func(to capabilities) fetchRequest {
		offered = to
		return s.request([]plumbing.Hash{s.commit}, to.shallow, to, withoutBlobs)
	})
	if errors.Is(err, ErrNoCommit) && (offered.version < 2 || hides(err)) {
		err = s.fetchThroughRefs(ctx, withoutBlobs, err)
	}
	if errors.Is(err, ErrTooLarge) && !offered.filter {
		s.client.routes.forget(s.repo.URL) // so that a server that learns it is noticed
		return failf(ErrTooLarge, err, "%s; all files are sent, because the server of %s offers no filters (git: uploadpack.allowFilter)",
			err, displayURL(s.repo.URL))
	}
	return err
}

func (s *Snapshot) request(wants []plumbing.Hash, shallow bool, to capabilities, withoutBlobs bool) fetchRequest {
	request := fetchRequest{wants: wants, shallow: shallow, noBlobs: to.filter && withoutBlobs}
	s.complete = !request.noBlobs
	return request
}

func (s *Snapshot) findRoot() error {
	kind, data, ok, err := s.store.object(s.commit)
	switch {
	case err != nil:
		return fmt.Errorf("reading the commit %s: %w", s.commit, err)
	case !ok:
		return wireError(s.repo, fmt.Errorf("%w: the commit is not in it", errPack))
	case kind != plumbing.CommitObject:
		return failf(ErrNoCommit, nil, "%s in %s is a %s, not a commit", s.commit, displayURL(s.repo.URL), kind)
	}
	s.root, err = treeOf(data)
	if err != nil {
		return s.broken(err)
	}
	return nil
}

// broken says that an object of the commit cannot be read.
func (s *Snapshot) broken(err error) error {
	return failf(ErrContent, err, "the commit %s of %s is damaged: %s", s.commit, displayURL(s.repo.URL), err)
}

// Commit is the commit's full id.
func (s *Snapshot) Commit() string { return s.commit.String() }

// tree reads a tree object.
func (s *Snapshot) tree(id plumbing.Hash) ([]byte, error) {
	kind, data, ok, err := s.store.object(id)
	if err != nil {
		return nil, fmt.Errorf("reading a directory of commit %s: %w", s.commit, err)
	}
	if !ok && id == emptyTree {
		return nil, nil // git need not send it
	}
	if !ok || kind != plumbing.TreeObject {
		return nil, s.broken(errTree)
	}
	return data, nil
}

// find walks to the entry at path; the root's entry has no name.
func (s *Snapshot) find(path string) (treeEntry, error) {
	names, err := splitPath(path)
	if err != nil {
		return treeEntry{}, err
	}
	at := treeEntry{mode: filemode.Dir, id: s.root}
	for i, name := range names {
		if !at.isDir() {
			return treeEntry{}, s.missing(path, fmt.Sprintf("%q is %s", strings.Join(names[:i], "/"), at.describe()))
		}
		data, err := s.tree(at.id)
		if err != nil {
			return treeEntry{}, err
		}
		found := false
		err = readTree(data, func(e treeEntry) bool {
			if e.name == name {
				at, found = e, true
			}
			return !found
		})
		if err != nil {
			return treeEntry{}, s.broken(err)
		}
		if !found {
			return treeEntry{}, s.missing(path, "")
		}
	}
	return at, nil
}

// missing is an error that is fs.ErrNotExist.
func (s *Snapshot) missing(path, why string) error {
	if why != "" {
		why = ": " + why
	}
	return failf(fs.ErrNotExist, nil, "%q does not exist in commit %s of %s%s", path, s.commit, displayURL(s.repo.URL), why)
}

func (s *Snapshot) notDirectory(dir string, entry treeEntry) error {
	return failf(ErrContent, nil, "%q in commit %s is %s, not a directory", dir, s.commit, entry.describe())
}

// ReadFile reads the regular file at path, of at most max bytes, relative to the root. Only that file is fetched.
//
// The error is fs.ErrNotExist when it is not there, ErrTooLarge when it is larger, ErrContent when it is not a
// regular file, or one of Open's.
func (s *Snapshot) ReadFile(ctx context.Context, path string, max int64) ([]byte, error) {
	entry, err := s.find(path)
	if err != nil {
		return nil, err
	}
	if entry.mode != filemode.Regular && entry.mode != filemode.Executable {
		return nil, failf(ErrContent, nil, "%q in commit %s is %s, not a regular file", path, s.commit, entry.describe())
	}
	tooLarge := failf(ErrTooLarge, nil, "%q in commit %s is larger than %s", path, s.commit, size(max))
	if !s.store.has(entry.id) {
		ctx, cancel := s.client.bounded(ctx)
		defer cancel()
		// The answer is the blob alone, compressed at worst a little larger than it is.
		bounds := limits{pack: max + max/100 + 64<<10, objects: 1, unpacked: max, object: max}
		if err := s.fetchBlobs(ctx, []plumbing.Hash{entry.id}, bounds); errors.Is(err, ErrTooLarge) && !s.complete {
			return nil, tooLarge
		} else if err != nil {
			return nil, err
		}
	}
	return s.readBlob(entry.id, max, tooLarge)
}

func (s *Snapshot) readBlob(id plumbing.Hash, max int64, tooLarge error) ([]byte, error) {
	content, ok, err := s.store.blob(id)
	if err != nil {
		return nil, fmt.Errorf("reading a file of commit %s: %w", s.commit, err)
	}
	if !ok {
		return nil, wireError(s.repo, fmt.Errorf("%w: a file is not in it", errPack))
	}
	defer content.Close()
	data, err := io.ReadAll(io.LimitReader(content, max+1))
	if err != nil {
		return nil, fmt.Errorf("reading a file of commit %s: %w", s.commit, err)
	}
	if int64(len(data)) > max {
		return nil, tooLarge
	}
	return data, nil
}

// fetchBlobs fetches blobs by their ids, or the whole commit when the server refuses that.
func (s *Snapshot) fetchBlobs(ctx context.Context, ids []plumbing.Hash, bounds limits) error {
	if s.complete {
		return wireError(s.repo, fmt.Errorf("%w: a file is not in it", errPack))
	}
	err := s.client.fetch(ctx, s.repo, s.store, bounds, func(capabilities) fetchRequest { return fetchRequest{wants: ids} })
	if errors.Is(err, ErrProtocol) || errors.Is(err, ErrNoCommit) {
		return s.fetchCommit(ctx, false)
	}
	return err
}
