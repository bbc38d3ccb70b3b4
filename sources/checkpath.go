package sources

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
)

// checkName refuses names in a tree that git itself refuses to check out.
func checkName(name string) error {
	switch {
	case name == "." || name == "..", strings.Contains(name, "/"):
		return errors.New("a name that leads elsewhere")
	case strings.EqualFold(name, ".git"):
		return errors.New("a name that is reserved for git")
	case len(name) > 255:
		return errors.New("a name of more than 255 bytes")
	}
	return nil
}

// checkLink refuses links that lead, or may lead, out of the directory that at is relative to.
//
// A link's own directory is never a link, so ".." at the beginning of a target go up real directories, and can be
// counted. Later ones may follow another link, and where they lead cannot be seen from the target alone.
func checkLink(at, target string) error {
	switch {
	case target == "" || strings.ContainsRune(target, 0):
		return errors.New("nowhere; remove it")
	case path.IsAbs(target):
		return errors.New("an absolute path; make it relative")
	}
	depth := strings.Count(path.Clean(at), "/")
	down := false
	for name := range strings.SplitSeq(target, "/") {
		switch {
		case name == "" || name == ".":
		case name != "..":
			down = true
		case down:
			return errors.New(`a path with ".." after a name; write it without`)
		case depth == 0:
			return errors.New("outside of the directory that is built; remove it")
		default:
			depth--
		}
	}
	return nil
}

// makeDir makes a directory that others may read; it may be there already.
func makeDir(root *os.Root, name string) error {
	err := root.Mkdir(name, 0o755)
	if errors.Is(err, fs.ErrExist) {
		if info, statErr := root.Lstat(name); statErr == nil && info.IsDir() {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return root.Chmod(name, 0o755) // whatever the umask
}

// replace runs create after removing a file or link of that name, which an earlier attempt may have left.
func replace(root *os.Root, name string, create func() error) error {
	if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return create()
}
