package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/toolforge/toolforged/build/project"
)

// readProject reads the source's project.toml; nil when there is none. What is wrong with it is the maintainer's to mend.
func readProject(workspace string) (*project.Descriptor, error) {
	descriptor, err := project.Read(workspace)
	var mistake *project.Mistake
	if errors.As(err, &mistake) {
		return nil, refuse("%s", mistake)
	}
	return descriptor, err
}

// leaveOut removes from the source what its project.toml says, and tells what in it has no effect.
func leaveOut(workspace string, out io.Writer) error {
	descriptor, err := readProject(workspace)
	if err != nil || descriptor == nil {
		return err
	}
	for _, note := range descriptor.Notes {
		fmt.Fprintln(out, note)
	}
	removed, err := descriptor.Apply(workspace)
	if err != nil {
		return fmt.Errorf("leave out what %s says: %w", project.Name, err)
	}
	if removed > 0 {
		fmt.Fprintf(out, "%s: left out %d files\n", project.Name, removed)
	}
	return nil
}

// platformWith is a platform directory that has the build environment of project.toml too, or the one that it is given where
// there is none. What the platform says wins.
func platformWith(platform, workspace string) (string, error) {
	descriptor, err := readProject(workspace)
	if err != nil || descriptor == nil || len(descriptor.Env) == 0 {
		return platform, err
	}
	merged, err := os.MkdirTemp("", "platform-")
	if err != nil {
		return "", fmt.Errorf("make a directory for the build environment: %w", err)
	}
	for name, value := range descriptor.Env {
		if err := place(merged, filepath.Join("env", name), []byte(value)); err != nil {
			return "", err
		}
	}
	for _, dir := range []string{".", "env"} {
		entries, err := os.ReadDir(filepath.Join(platform, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("read the platform's files: %w", err)
		}
		for _, entry := range entries {
			name := filepath.Join(dir, entry.Name())
			// The kubelet keeps the files that it links to in directories that begin with two dots.
			about, err := os.Stat(filepath.Join(platform, name))
			if err != nil || !about.Mode().IsRegular() || strings.HasPrefix(entry.Name(), "..") {
				continue
			}
			content, err := os.ReadFile(filepath.Join(platform, name))
			if err != nil {
				return "", fmt.Errorf("read the platform's files: %w", err)
			}
			if err := place(merged, name, content); err != nil {
				return "", err
			}
		}
	}
	return merged, nil
}

func place(dir, name string, content []byte) error {
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("make a directory for the build environment: %w", err)
	}
	if err := os.WriteFile(file, content, 0o644); err != nil {
		return fmt.Errorf("place the build environment: %w", err)
	}
	return nil
}
