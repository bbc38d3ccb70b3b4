package sources

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/filemode"
)

var (
	errTree   = errors.New("malformed tree")
	errCommit = errors.New("malformed commit")
)

// treeEntry is one name in a directory.
type treeEntry struct {
	name string
	mode filemode.FileMode
	id   plumbing.Hash
	raw  []byte // the entry as it stands in the tree object
}

func (e treeEntry) isDir() bool { return e.mode == filemode.Dir }

// readTree calls visit with each entry of a tree object until it returns false.
func readTree(data []byte, visit func(treeEntry) bool) error {
	for len(data) > 0 {
		mode, rest, ok := bytes.Cut(data, []byte(" "))
		if !ok {
			return errTree
		}
		name, rest, ok := bytes.Cut(rest, []byte{0})
		if !ok || len(name) == 0 || len(rest) < len(plumbing.Hash{}) {
			return errTree
		}
		entry := treeEntry{name: string(name), raw: data[:len(data)-len(rest)+len(plumbing.Hash{})]}
		copy(entry.id[:], rest)
		parsed, err := filemode.New(string(mode))
		if err != nil {
			return errTree
		}
		entry.mode = canonical(parsed)
		if !visit(entry) {
			return nil
		}
		data = rest[len(plumbing.Hash{}):]
	}
	return nil
}

// canonical maps the modes that old programs wrote to the five that git knows; an unknown type is Empty.
func canonical(mode filemode.FileMode) filemode.FileMode {
	switch mode & 0o170000 {
	case 0o100000:
		if mode&0o100 != 0 {
			return filemode.Executable
		}
		return filemode.Regular
	case filemode.Dir, filemode.Symlink, filemode.Submodule:
		return mode & 0o170000
	}
	return filemode.Empty
}

// treeOf reads which tree a commit object names: its first line.
func treeOf(commit []byte) (plumbing.Hash, error) {
	line, _, _ := bytes.Cut(commit, []byte("\n"))
	id, ok := strings.CutPrefix(string(line), "tree ")
	if !ok || !isCommitID(id) {
		return plumbing.ZeroHash, errCommit
	}
	return plumbing.NewHash(id), nil
}

// splitPath turns a path as maintainers write it ("", ".", "./a/b", "a/b/") into its names.
func splitPath(path string) ([]string, error) {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		switch name {
		case "", ".":
			continue
		case "..":
			return nil, failf(ErrInvalid, nil, "the path %.200q must not hold \"..\"", path)
		}
		names = append(names, name)
	}
	if strings.HasPrefix(path, "/") {
		return nil, failf(ErrInvalid, nil, "the path %.200q must be relative to the root of the repository", path)
	}
	if len(path) > maxPath {
		return nil, failf(ErrInvalid, nil, "the path %.80q… is longer than %d bytes", path, maxPath)
	}
	return names, nil
}

const maxPath = 4096

// describe names what an entry is, for a maintainer.
func (e treeEntry) describe() string {
	switch e.mode {
	case filemode.Dir:
		return "a directory"
	case filemode.Symlink:
		return "a symbolic link"
	case filemode.Submodule:
		return "a submodule"
	case filemode.Regular, filemode.Executable:
		return "a file"
	}
	return fmt.Sprintf("of an unknown kind (mode %o)", uint32(e.mode))
}
