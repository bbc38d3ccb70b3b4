package sources

import (
	"bytes"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/go-git/go-git/v5/plumbing"
)

// objectStore keeps the objects of one commit by their id, which is computed from what they hold.
type objectStore interface {
	// put stores an object of that size, written by fill, and returns its id.
	put(kind plumbing.ObjectType, size int64, fill func(io.Writer) error) (plumbing.Hash, error)
	// object returns an object in full; ok is false when it is not there.
	object(id plumbing.Hash) (kind plumbing.ObjectType, data []byte, ok bool, err error)
	// blob opens the content of a blob; ok is false when it is not there.
	blob(id plumbing.Hash) (content io.ReadCloser, ok bool, err error)
	has(id plumbing.Hash) bool
}

// memoryStore keeps objects in memory. Its size is bounded by the limits of what is put in.
type memoryStore map[plumbing.Hash]memoryObject

type memoryObject struct {
	kind plumbing.ObjectType
	data []byte
}

var _ objectStore = memoryStore{}

// maxGrow bounds what is allocated on the word of a header alone.
const maxGrow = 1 << 20

func (m memoryStore) put(kind plumbing.ObjectType, size int64, fill func(io.Writer) error) (plumbing.Hash, error) {
	var buf bytes.Buffer
	buf.Grow(int(min(size, maxGrow)))
	id, err := hashed(kind, size, &buf, fill)
	if err != nil {
		return id, err
	}
	m[id] = memoryObject{kind: kind, data: buf.Bytes()}
	return id, nil
}

func (m memoryStore) object(id plumbing.Hash) (plumbing.ObjectType, []byte, bool, error) {
	o, ok := m[id]
	return o.kind, o.data, ok, nil
}

func (m memoryStore) blob(id plumbing.Hash) (io.ReadCloser, bool, error) {
	o, ok := m[id]
	if !ok || o.kind != plumbing.BlobObject {
		return nil, false, nil
	}
	return io.NopCloser(bytes.NewReader(o.data)), true, nil
}

func (m memoryStore) has(id plumbing.Hash) bool {
	_, ok := m[id]
	return ok
}

// diskStore keeps blobs in files of a directory, commits and trees in memory.
type diskStore struct {
	memoryStore
	dir   string
	blobs map[plumbing.Hash]struct{}
}

var _ objectStore = (*diskStore)(nil)

func newDiskStore(dir string) *diskStore {
	return &diskStore{memoryStore: memoryStore{}, dir: dir, blobs: map[plumbing.Hash]struct{}{}}
}

func (d *diskStore) path(id plumbing.Hash) string { return filepath.Join(d.dir, id.String()) }

func (d *diskStore) put(kind plumbing.ObjectType, size int64, fill func(io.Writer) error) (plumbing.Hash, error) {
	if kind != plumbing.BlobObject {
		return d.memoryStore.put(kind, size, fill)
	}
	f, err := os.CreateTemp(d.dir, "new-")
	if err != nil {
		return plumbing.ZeroHash, &storeError{err}
	}
	id, err := hashed(kind, size, storeWriter{f}, fill)
	if closeErr := f.Close(); err == nil && closeErr != nil {
		err = &storeError{closeErr}
	}
	if err == nil {
		err = d.keep(f.Name(), id)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return plumbing.ZeroHash, err
	}
	return id, nil
}

func (d *diskStore) keep(name string, id plumbing.Hash) error {
	if err := os.Rename(name, d.path(id)); err != nil {
		return &storeError{err}
	}
	d.blobs[id] = struct{}{}
	return nil
}

// storeError says that this side could not store an object, so that the server is not blamed for it.
type storeError struct{ cause error }

func (e *storeError) Error() string { return "storing a file of the commit: " + e.cause.Error() }

func (e *storeError) Unwrap() error { return e.cause }

type storeWriter struct{ f *os.File }

func (w storeWriter) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	if err != nil {
		return n, &storeError{err}
	}
	return n, nil
}

func (d *diskStore) object(id plumbing.Hash) (plumbing.ObjectType, []byte, bool, error) {
	if _, ok := d.blobs[id]; !ok {
		return d.memoryStore.object(id)
	}
	data, err := os.ReadFile(d.path(id))
	return plumbing.BlobObject, data, err == nil, err
}

func (d *diskStore) blob(id plumbing.Hash) (io.ReadCloser, bool, error) {
	if _, ok := d.blobs[id]; !ok {
		return nil, false, nil
	}
	f, err := os.Open(d.path(id))
	return f, err == nil, err
}

func (d *diskStore) has(id plumbing.Hash) bool {
	_, ok := d.blobs[id]
	return ok || d.memoryStore.has(id)
}

// hashed runs fill into w and returns the id of what was written, which must be size bytes.
func hashed(kind plumbing.ObjectType, size int64, w io.Writer, fill func(io.Writer) error) (plumbing.Hash, error) {
	counted := &hashWriter{hash: plumbing.NewHasher(kind, size).Hash, w: w}
	if err := fill(counted); err != nil {
		return plumbing.ZeroHash, err
	}
	if counted.n != size {
		return plumbing.ZeroHash, fmt.Errorf("%w: an object of %d bytes has %d", errPack, size, counted.n)
	}
	var id plumbing.Hash
	copy(id[:], counted.hash.Sum(nil))
	return id, nil
}

type hashWriter struct {
	hash hash.Hash
	w    io.Writer
	n    int64
}

func (h *hashWriter) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	h.hash.Write(p[:n])
	h.n += int64(n)
	return n, err
}
