package sources

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
)

// errPack says that the bytes are not a pack of git's.
var errPack = errors.New("malformed pack")

// maxTree and maxCommit bound the bytes of one directory's list (some 300,000 entries) and of one commit or tag.
const (
	maxTree   = 16 << 20
	maxCommit = 1 << 20
)

// maxPasses bounds how often deltas that come before what they change are tried again.
const maxPasses = 50

// unpacker puts the objects of one pack into a store, within limits that hold for what is announced, before it is
// read, and for what is read.
type unpacker struct {
	store    objectStore
	limits   limits
	scanner  *packfile.Scanner
	unpacked int64
	enlarge  func() error // waits until this pack may be a large one
	offsets  map[int64]plumbing.Hash
	waiting  []delta
}

// delta is an object given as a change of another one, which is named by its id or its place in the pack.
type delta struct {
	offset int64
	base   plumbing.Hash
	baseAt int64 // -1 when base is set
	data   []byte
}

// unpack reads a pack. Errors that are not the reader's are errPack, ErrTooLarge or the store's.
func unpack(ctx context.Context, r io.Reader, store objectStore, limits limits) error {
	u := &unpacker{
		store:   store,
		limits:  limits,
		scanner: packfile.NewScanner(r),
		offsets: map[int64]plumbing.Hash{},
	}
	if limits.share != nil {
		u.enlarge = func() error { return limits.share.acquire(ctx) }
	}
	_, count, err := u.scanner.Header()
	if err != nil {
		return packError(err)
	}
	if int64(count) > int64(limits.objects) {
		return failf(ErrTooLarge, nil, "the commit has more than %d files and directories", limits.objects)
	}
	for range count {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := u.next(); err != nil {
			return packError(err)
		}
	}
	return u.settle(ctx)
}

func (u *unpacker) next() error {
	header, err := u.scanner.NextObjectHeader()
	if err != nil {
		return noEOF(err)
	}
	if err := u.account(header.Type, header.Length); err != nil {
		return err
	}
	switch header.Type {
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		id, err := u.store.put(header.Type, header.Length, u.inflate)
		u.offsets[header.Offset] = id
		return err
	case plumbing.OFSDeltaObject, plumbing.REFDeltaObject:
		return u.nextDelta(header)
	}
	return fmt.Errorf("%w: an object of the unknown type %d", errPack, header.Type)
}

func (u *unpacker) nextDelta(header *packfile.ObjectHeader) error {
	var buf bytes.Buffer
	buf.Grow(int(min(header.Length, maxGrow)))
	if err := u.inflate(&buf); err != nil {
		return err
	}
	d := delta{offset: header.Offset, base: header.Reference, baseAt: -1, data: buf.Bytes()}
	if header.Type == plumbing.OFSDeltaObject {
		d.baseAt = header.OffsetReference
	}
	done, err := u.apply(d)
	if !done && err == nil {
		u.waiting = append(u.waiting, d)
	}
	return err
}

// inflate writes the content of the current object; the scanner refuses more than its header announced.
func (u *unpacker) inflate(w io.Writer) error {
	_, _, err := u.scanner.NextObject(w)
	return err
}

// account refuses an object of that size when it is over the limits.
func (u *unpacker) account(kind plumbing.ObjectType, length int64) error {
	switch {
	case length < 0, kind == plumbing.BlobObject && length > u.limits.object:
		return failf(ErrTooLarge, nil, "a file of the commit is larger than %s", size(u.limits.object))
	case kind == plumbing.TreeObject && length > maxTree:
		return failf(ErrTooLarge, nil, "a directory of the commit has too many entries: its list is larger than %s", size(maxTree))
	case kind == plumbing.CommitObject && length > maxCommit, kind == plumbing.TagObject && length > maxCommit:
		return failf(ErrTooLarge, nil, "the commit, or what names it, is itself larger than %s", size(maxCommit))
	}
	u.unpacked += length
	if u.unpacked > u.limits.unpacked {
		return failf(ErrTooLarge, nil, "the commit's files are larger than %s", size(u.limits.unpacked))
	}
	if u.unpacked <= largePack || u.enlarge == nil {
		return nil
	}
	return u.enlarge()
}

// apply stores the object that the delta describes, unless what it changes is not there yet.
func (u *unpacker) apply(d delta) (done bool, err error) {
	base := d.base
	if d.baseAt >= 0 {
		found, ok := u.offsets[d.baseAt]
		if !ok {
			return false, nil
		}
		base = found
	}
	kind, source, ok, err := u.store.object(base)
	if !ok || err != nil {
		return false, err
	}
	length, err := resultSize(d.data)
	if err != nil {
		return false, err
	}
	if err := u.account(kind, length); err != nil {
		return false, err
	}
	result, err := packfile.PatchDelta(source, d.data)
	if err != nil {
		return false, err
	}
	id, err := u.store.put(kind, int64(len(result)), func(w io.Writer) error {
		_, err := w.Write(result)
		return err
	})
	u.offsets[d.offset] = id
	return err == nil, err
}

// settle applies the deltas that came before their base.
func (u *unpacker) settle(ctx context.Context) error {
	for range maxPasses {
		if len(u.waiting) == 0 {
			return nil
		}
		left := u.waiting[:0]
		for _, d := range u.waiting {
			if err := ctx.Err(); err != nil {
				return err
			}
			done, err := u.apply(d)
			if err != nil {
				return packError(err)
			}
			if !done {
				left = append(left, d)
			}
		}
		u.waiting = left
	}
	return fmt.Errorf("%w: %d deltas change objects that are not in it", errPack, len(u.waiting))
}

// resultSize reads the second of the two sizes that a delta begins with.
func resultSize(d []byte) (int64, error) {
	_, n := binary.Uvarint(d)
	if n <= 0 {
		return 0, fmt.Errorf("%w: a delta without sizes", errPack)
	}
	length, n := binary.Uvarint(d[n:])
	if n <= 0 || length > 1<<62 {
		return 0, fmt.Errorf("%w: a delta without sizes", errPack)
	}
	return int64(length), nil
}

// packError marks what the pack reader found, and leaves errors that say more as they are.
func packError(err error) error {
	var f *failure
	if errors.As(err, &f) || errors.Is(err, errPack) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %w", errPack, err)
}
