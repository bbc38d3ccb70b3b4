package sources

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// CheckoutOptions say what of a commit is wanted, and bound it.
type CheckoutOptions struct {
	// Path is the directory of the commit whose contents are written; default the root.
	Path string
	// Except are names directly under Path that are left out.
	Except []string
	// MaxBytes bounds the sum of the files' sizes; default 1 GiB.
	MaxBytes int64
	// MaxFiles bounds the number of files, directories and links; default 100,000.
	MaxFiles int
	// TempDir is where objects are kept meanwhile, as much as MaxBytes; default the system's.
	TempDir string
}

// CheckedOut says what Checkout wrote.
type CheckedOut struct {
	Files int   // files and links
	Bytes int64 // sum of the files' sizes
	// Submodules are the paths of submodules, each left as an empty directory.
	Submodules []string
}

const (
	// maxBatch bounds how many blobs one request asks for, so that the request stays under 1 MB.
	maxBatch = 10_000
	// metadata is allowed beside the bytes of files: trees and the commit, in bytes.
	metadata = 128 << 20
)

// Checkout writes the files of a commit into dir, which must exist, without the repository itself. Files keep their
// executable bit; a file that is there already is replaced. Only what is under Path is fetched, where the server
// offers that.
//
// Names that git forbids, links that lead out of dir, and more than the bounds are refused before anything is written,
// with ErrContent or ErrTooLarge. Other errors are those of Open; fs.ErrNotExist says that Path is not in the commit.
// The context bounds its time.
func (c *Client) Checkout(ctx context.Context, repo Repository, commit, dir string, opts CheckoutOptions) (CheckedOut, error) {
	opts.MaxBytes = cmp.Or(opts.MaxBytes, 1<<30)
	opts.MaxFiles = cmp.Or(opts.MaxFiles, 100_000)
	temp, err := os.MkdirTemp(opts.TempDir, "checkout-")
	if err != nil {
		return CheckedOut{}, fmt.Errorf("making a directory for the objects of %s: %w", repo, err)
	}
	defer os.RemoveAll(temp)
	bounds := opts.limits()
	s, err := c.open(ctx, repo, commit, newDiskStore(temp), bounds)
	if err != nil {
		return CheckedOut{}, err
	}
	plan, err := s.plan(opts)
	if err != nil {
		return CheckedOut{}, err
	}
	if err := s.fetchPlanned(ctx, plan, bounds); err != nil {
		return CheckedOut{}, err
	}
	if err := s.readLinks(plan); err != nil {
		return CheckedOut{}, err
	}
	return s.write(ctx, plan, dir, opts.MaxBytes)
}

func (o CheckoutOptions) limits() limits {
	return limits{
		pack:     o.MaxBytes + metadata,
		objects:  2*o.MaxFiles + 1000, // a directory may hold one file; and what lies beside Path counts too
		unpacked: o.MaxBytes + metadata,
		object:   o.MaxBytes,
	}
}

// fetchPlanned fetches the blobs that are not there yet.
func (s *Snapshot) fetchPlanned(ctx context.Context, plan []*planned, bounds limits) error {
	var missing []plumbing.Hash
	wanted := map[plumbing.Hash]bool{}
	for _, e := range plan {
		if e.isDir() || e.mode == filemode.Submodule || wanted[e.id] || s.store.has(e.id) {
			continue
		}
		wanted[e.id] = true
		missing = append(missing, e.id)
	}
	for batch := range slices.Chunk(missing, maxBatch) {
		if s.complete && s.store.has(batch[0]) {
			continue // an earlier batch was refused, and brought everything
		}
		if err := s.fetchBlobs(ctx, batch, bounds); err != nil {
			return err
		}
	}
	return nil
}

// maxLink bounds the target of a link, in bytes, as Linux does.
const maxLink = 4095

// readLinks reads the targets of links and refuses those that lead out of the directory.
func (s *Snapshot) readLinks(plan []*planned) error {
	for _, e := range plan {
		if e.mode != filemode.Symlink {
			continue
		}
		target, err := s.readBlob(e.id, maxLink, failf(ErrContent, nil, "the link %q in commit %s is longer than %d bytes", e.path, s.commit, maxLink))
		if err != nil {
			return err
		}
		e.target = string(target)
		if err := checkLink(e.path, e.target); err != nil {
			return failf(ErrContent, err, "the link %q in commit %s leads to %.200q: %s", e.path, s.commit, e.target, err)
		}
	}
	return nil
}

// write makes the directories and files, and the links last, all within dir.
func (s *Snapshot) write(ctx context.Context, plan []*planned, dir string, maxBytes int64) (CheckedOut, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return CheckedOut{}, fmt.Errorf("writing commit %s: %w", s.commit, err)
	}
	defer root.Close()
	var done CheckedOut
	for _, links := range []bool{false, true} {
		for _, e := range plan {
			if (e.mode == filemode.Symlink) != links {
				continue
			}
			if err := ctx.Err(); err != nil {
				return done, fmt.Errorf("writing commit %s: %w", s.commit, err)
			}
			if err := s.writeEntry(root, e, &done, maxBytes); err != nil {
				return done, fmt.Errorf("writing %q of commit %s: %w", e.path, s.commit, err)
			}
		}
	}
	return done, nil
}

func (s *Snapshot) writeEntry(root *os.Root, e *planned, done *CheckedOut, maxBytes int64) error {
	switch e.mode {
	case filemode.Dir:
		return makeDir(root, e.path)
	case filemode.Submodule:
		done.Submodules = append(done.Submodules, e.path)
		return makeDir(root, e.path)
	case filemode.Symlink:
		done.Files++
		return replace(root, e.path, func() error { return root.Symlink(e.target, e.path) })
	}
	done.Files++
	return replace(root, e.path, func() error {
		n, err := s.writeFile(root, e, maxBytes-done.Bytes)
		done.Bytes += n
		return err
	})
}

func (s *Snapshot) writeFile(root *os.Root, e *planned, left int64) (int64, error) {
	content, ok, err := s.store.blob(e.id)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, wireError(s.repo, fmt.Errorf("%w: a file is not in it", errPack))
	}
	defer content.Close()
	mode := os.FileMode(0o644)
	if e.mode == filemode.Executable {
		mode = 0o755
	}
	f, err := root.OpenFile(e.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(f, io.LimitReader(content, left+1))
	if err == nil && n > left {
		err = failf(ErrTooLarge, nil, "the files of commit %s are larger than the allowed size", s.commit)
	}
	if err == nil {
		err = f.Chmod(mode) // whatever the umask
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return n, err
}
