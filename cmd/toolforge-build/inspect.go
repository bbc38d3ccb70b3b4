package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// leftover is what a build left, as far as the export must know it.
type leftover struct {
	group    group
	metadata map[string]any
	// image is what goes into the image, cached what goes into the cache, in bytes.
	image, cached int64
	// described is what buildpacks say of their layers, in bytes.
	described int64
}

// Bounds of what a build may leave. Longer paths than these cannot be opened.
const (
	maxEntries = 2_000_000
	maxSBOM    = 64 << 20 // bytes, all together
	maxState   = 8 << 20  // bytes of a file beside the buildpacks' directories, none of which is used
)

// inspect looks at what the build left before the exporter reads it with a credential at hand. The exporter follows links,
// waits for pipes and reads whole files; everything that it opens by name must be an ordinary file or directory, and all of what
// it takes into an image must be such that it can. Nothing of the build runs any more, so what is seen here stays.
func (e exporting) inspect() (leftover, error) {
	var left leftover
	for _, dir := range []string{e.workspace, e.layers} {
		if err := directory(dir); err != nil {
			return left, err
		}
	}
	if err := e.inspectLayers(); err != nil {
		return left, err
	}
	var err error
	if left.group, err = readGroup(filepath.Join(e.layers, "group.toml")); err != nil {
		return left, err
	}
	if left.metadata, err = e.readMetadata(); err != nil {
		return left, err
	}
	look := &look{secrets: e.secrets()}
	sbom, err := e.inspectSBOM(look)
	if err != nil {
		return left, err
	}
	app, err := look.tree(e.workspace)
	if err != nil {
		return left, err
	}
	left.image = app + sbom
	for _, element := range left.group.Group {
		if err := e.inspectBuildpack(look, element, &left); err != nil {
			return left, err
		}
	}
	return left, nil
}

// inspectLayers looks at the files beside the buildpacks' directories.
func (e exporting) inspectLayers() error {
	entries, err := readDir(e.layers)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if entry.IsDir() {
			continue
		}
		if err := metadataFile(filepath.Join(e.layers, entry.Name()), maxState); err != nil {
			return err
		}
	}
	return nil
}

// secrets are the directories to which nothing may lead.
func (e exporting) secrets() []string {
	secrets := []string{e.private}
	if dir := os.Getenv("DOCKER_CONFIG"); dir != "" {
		secrets = append(secrets, dir)
	}
	return secrets
}

// inspectSBOM allows only ordinary files and directories, which the exporter writes to and reads.
func (e exporting) inspectSBOM(look *look) (int64, error) {
	dir := filepath.Join(e.layers, "sbom")
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err := directory(dir); err != nil {
		return 0, err
	}
	strict := *look
	strict.noLinks = true
	bytes, err := strict.tree(dir)
	if err == nil && bytes > maxSBOM {
		err = refuse("what the build left in %s has %s; it may have %s", dir, size(bytes), size(maxSBOM))
	}
	return bytes, err
}

// inspectBuildpack looks at the layers of one buildpack.
func (e exporting) inspectBuildpack(look *look, element element, left *leftover) error {
	dir := filepath.Join(e.layers, element.directory())
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := directory(dir); err != nil {
		return err
	}
	entries, err := readDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(dir, entry.Name())
		if entry.IsDir() {
			continue
		}
		if err := metadataFile(path, largest(entry.Name())); err != nil {
			return err
		}
		name, isTOML := strings.CutSuffix(entry.Name(), ".toml")
		if !isTOML {
			continue
		}
		if info, err := entry.Info(); err == nil {
			left.described += info.Size()
		}
		if left.described > maxTOMLs {
			return refuse("buildpacks say more than %s of their layers", size(maxTOMLs))
		}
		var layer layerFile
		if err := decode(path, &layer); err != nil {
			return err
		}
		if name == "store" || name == "launch" || name == "build" || !layer.Types.Launch && !layer.Types.Cache {
			continue
		}
		layerDir := filepath.Join(dir, name)
		if _, err := os.Lstat(layerDir); errors.Is(err, fs.ErrNotExist) {
			continue // its content is in the image before
		}
		if err := directory(layerDir); err != nil {
			return err
		}
		bytes, err := look.tree(layerDir)
		if err != nil {
			return err
		}
		if layer.Types.Launch {
			left.image += bytes
		}
		if layer.Types.Cache {
			left.cached += bytes
		}
	}
	return nil
}

// directory refuses what is not a directory itself.
func directory(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return refuse("the build left no directory %s", path)
	}
	if !info.IsDir() {
		return refuse("the build left %s at %s, where a directory belongs", kind(info.Mode()), path)
	}
	return nil
}

func readDir(dir string) ([]os.DirEntry, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, refuse("what the build left in %s cannot be listed: %s", dir, reason(err))
	}
	return entries, nil
}

// reason is an error without the path in it.
func reason(err error) string {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "a special file"
	}
}

// look walks through what goes into an image.
type look struct {
	// secrets are directories to which no link may lead.
	secrets []string
	noLinks bool
	entries int
}

// tree looks at everything below a directory and returns the sum of the files' sizes in bytes.
func (l *look) tree(dir string) (int64, error) {
	var bytes int64
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return refuse("what the build left at %s cannot be read: %s", path, reason(err))
		}
		if l.entries++; l.entries > maxEntries {
			return refuse("the build left more than %d files and directories", maxEntries)
		}
		info, err := entry.Info()
		if err != nil {
			return refuse("what the build left at %s cannot be read: %s", path, reason(err))
		}
		switch mode := info.Mode(); {
		case mode.IsDir() && l.noLinks:
			return os.Chmod(path, 0o755) // the exporter writes there
		case mode.IsDir():
			return nil
		case mode.IsRegular():
			if mode.Perm()&0o400 == 0 && os.Getuid() != 0 {
				return refuse("what the build left at %s cannot be read: nobody may (mode %s)", path, mode.Perm())
			}
			bytes += info.Size()
			return nil
		case mode&fs.ModeSymlink != 0 && !l.noLinks:
			return l.link(path)
		default:
			return refuse("the build left %s at %s, which cannot be part of an image", kind(mode), path)
		}
	})
	return bytes, err
}

// link refuses one that leads to a secret. Where else it leads is decided in the image: it is not followed here.
func (l *look) link(path string) error {
	target, err := os.Readlink(path)
	if err != nil {
		return refuse("what the build left at %s cannot be read: %s", path, reason(err))
	}
	to := target
	if !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(path), to)
	}
	to = filepath.Clean(to)
	for _, secret := range l.secrets {
		if to == secret || strings.HasPrefix(to, secret+string(filepath.Separator)) {
			return refuse("the build left a symbolic link at %s that leads to %s", path, target)
		}
	}
	return nil
}

// metadataFile refuses what is not an ordinary file with one name, of at most so many bytes.
func metadataFile(path string, most int64) error {
	info, err := os.Lstat(path)
	if err != nil {
		return refuse("the build left no file %s", path)
	}
	if !info.Mode().IsRegular() {
		return refuse("the build left %s at %s, where a file belongs", kind(info.Mode()), path)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink != 1 {
		return refuse("the build left a file at %s that has other names too", path)
	}
	if info.Size() > most {
		return refuse("the file %s that the build left has %s; it may have %s", path, size(info.Size()), size(most))
	}
	return nil
}
