package project

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/format/gitignore"
)

// Apply removes the files of a directory that the descriptor leaves out, and the directories that are empty then. It follows no
// links. The project.toml itself stays, for the buildpacks that read it. It returns how many files it removed.
func (d *Descriptor) Apply(directory string) (int, error) {
	if d == nil || len(d.Include) == 0 && len(d.Exclude) == 0 {
		return 0, nil
	}
	root, err := os.OpenRoot(directory)
	if err != nil {
		return 0, fmt.Errorf("open the source: %w", err)
	}
	defer root.Close()
	var files, dirs []string
	patterns, including := d.Exclude, len(d.Include) > 0
	if including {
		patterns = d.Include
	}
	match := matcher(patterns)
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "." || name == Name:
		case entry.IsDir():
			dirs = append(dirs, name)
		case match.Match(strings.Split(name, "/"), false) != including:
			files = append(files, name)
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("list the source: %w", err)
	}
	emptied := map[string]bool{}
	for _, name := range files {
		if err := root.Remove(name); err != nil {
			return 0, fmt.Errorf("leave out %q: %w", name, err)
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			emptied[dir] = true
		}
	}
	// The deepest first. One that holds something stays.
	for _, name := range slices.Backward(dirs) {
		if !emptied[name] {
			continue
		}
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrExist) && !notEmpty(root, name) {
			return 0, fmt.Errorf("leave out %q: %w", name, err)
		}
	}
	return len(files), nil
}

func notEmpty(root *os.Root, name string) bool {
	entries, err := fs.ReadDir(root.FS(), name)
	return err == nil && len(entries) > 0
}

func matcher(texts []string) gitignore.Matcher {
	patterns := make([]gitignore.Pattern, 0, len(texts))
	for _, text := range texts {
		patterns = append(patterns, gitignore.ParsePattern(text, nil))
	}
	return gitignore.NewMatcher(patterns)
}
