package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// Bounds of what a build writes for the exporter. What buildpacks write is a few KiB.
const (
	maxTOML      = 512 << 10 // bytes of one file
	maxTOMLs     = 2 << 20   // bytes of the files of all layers: labels of the image are made of them
	maxDepth     = 64
	maxElements  = 100
	maxLabels    = 200
	maxProcesses = 100
)

// group is the list of buildpacks that took part (Cloud Native Buildpacks platform specification, "group.toml").
type group struct {
	Group []element `toml:"group"`
}

type element struct {
	ID       string `toml:"id"`
	Version  string `toml:"version"`
	API      string `toml:"api,omitempty"`
	Homepage string `toml:"homepage,omitempty"`
	Optional bool   `toml:"optional,omitempty"`
}

// directory is where a buildpack's layers are, below the directory of all.
func (e element) directory() string { return strings.ReplaceAll(e.ID, "/", "_") }

var (
	buildpackID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$`)
	// processType is what package registry reads from an image.
	processType = regexp.MustCompile(`^[A-Za-z0-9._-]{1,63}$`)
)

// layerFile is what the exporter wants to know of a layer (buildpack specification, "Layer Content Metadata").
type layerFile struct {
	Types struct {
		Launch bool `toml:"launch"`
		Cache  bool `toml:"cache"`
	} `toml:"types"`
}

// buildMetadata is what the lifecycle's builder wrote for the exporter, as far as it is looked at.
type buildMetadata struct {
	Labels []struct {
		Key   string `toml:"key"`
		Value string `toml:"value"`
	} `toml:"labels"`
	Processes []struct {
		Type string `toml:"type"`
	} `toml:"processes"`
	Slices []struct {
		Paths []string `toml:"paths"`
	} `toml:"slices"`
}

func readGroup(path string) (group, error) {
	var g group
	if err := metadataFile(path, maxTOML); err != nil {
		return g, err
	}
	if err := decode(path, &g); err != nil {
		return g, err
	}
	if len(g.Group) == 0 || len(g.Group) > maxElements {
		return g, refuse("the build left %d buildpacks in %s; there may be 1 to %d", len(g.Group), path, maxElements)
	}
	for _, element := range g.Group {
		switch id := element.ID; {
		case !buildpackID.MatchString(id) || len(id) > 200:
			return g, refuse("the build left the buildpack id %.100q in %s, which is none", id, path)
		case slices.Contains([]string{"config", "sbom", "app"}, element.directory()):
			return g, refuse("the build left the buildpack id %q in %s, which is reserved", id, path)
		}
	}
	return g, nil
}

func (e exporting) metadataFile() string { return filepath.Join(e.layers, "config", "metadata.toml") }

func (e exporting) readMetadata() (map[string]any, error) {
	path := e.metadataFile()
	if err := directory(filepath.Dir(path)); err != nil {
		return nil, err
	}
	entries, err := readDir(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if err := metadataFile(filepath.Join(filepath.Dir(path), entry.Name()), maxTOML); err != nil {
			return nil, err
		}
	}
	var known buildMetadata
	if err := decode(path, &known); err != nil {
		return nil, err
	}
	if err := known.check(path); err != nil {
		return nil, err
	}
	all := make(map[string]any)
	return all, decode(path, &all)
}

// reserved are the labels by which the platform and the lifecycle know an image; with a dot or slash at the end, all that
// begin so.
var reserved = []string{"io.buildpacks.", "toolforge.org/", "org.toolforge.", "org.opencontainers.image.revision", "org.opencontainers.image.source"}

func (m buildMetadata) check(path string) error {
	if len(m.Labels) > maxLabels || len(m.Processes) > maxProcesses {
		return refuse("the build left %d labels and %d process types in %s; there may be %d and %d", len(m.Labels), len(m.Processes), path,
			maxLabels, maxProcesses)
	}
	for _, label := range m.Labels {
		for _, name := range reserved {
			if label.Key == name || strings.ContainsAny(name[len(name)-1:], "./") && strings.HasPrefix(label.Key, name) {
				return refuse("a buildpack gives the image the label %q, which only the platform may", label.Key)
			}
		}
	}
	for _, process := range m.Processes {
		if !processType.MatchString(process.Type) {
			return refuse("a buildpack gives the image the process type %.63q: use at most 63 letters, digits, dots, hyphens and underscores", process.Type)
		}
	}
	for _, slice := range m.Slices {
		for _, glob := range slice.Paths {
			if !filepath.IsLocal(glob) {
				return refuse("a buildpack gives the image a slice of %.200q, which leads out of the source", glob)
			}
		}
	}
	return nil
}

// largest is how large a file of a buildpack's may be, in bytes: its SBOM is.
func largest(name string) int64 {
	if strings.HasSuffix(name, ".json") {
		return maxSBOM
	}
	return maxTOML
}

// decode reads a file that metadataFile allows.
func decode(path string, into any) error {
	file, err := os.Open(path)
	if err != nil {
		return refuse("what the build left at %s cannot be read: %s", path, reason(err))
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxTOML+1))
	if err != nil {
		return refuse("what the build left at %s cannot be read: %s", path, reason(err))
	}
	if len(data) > maxTOML || tooDeep(data) {
		return refuse("the file %s that the build left is too large, or nested more than %d deep", path, maxDepth)
	}
	if _, err := toml.Decode(string(data), into); err != nil {
		return refuse("the file %s that the build left is not as it should be: %.300s", path, err)
	}
	return nil
}

// tooDeep tells whether a TOML file may be nested so deep that reading it takes more than it should. It does not know strings,
// and so may see more than there is.
func tooDeep(data []byte) bool {
	for line := range bytes.Lines(data) {
		key, _, _ := bytes.Cut(line, []byte("="))
		if bytes.Count(key, []byte(".")) > maxDepth {
			return true
		}
	}
	depth := 0
	for _, c := range data {
		switch c {
		case '[', '{':
			depth++
		case ']', '}':
			depth = max(depth-1, 0)
		}
		if depth > maxDepth {
			return true
		}
	}
	return false
}

func (e exporting) group() string     { return filepath.Join(e.private, "group.toml") }
func (e exporting) runImages() string { return filepath.Join(e.private, "run.toml") }

// rewrite has the exporter read what was looked at, as this program understood it, with the platform's labels added.
func (e exporting) rewrite(left leftover) error {
	if err := writeTOML(e.group(), left.group); err != nil {
		return err
	}
	type image struct {
		Image string `toml:"image"`
	}
	run := map[string][]image{"images": {{e.runImage}}}
	if err := writeTOML(e.runImages(), run); err != nil {
		return err
	}
	labels, _ := left.metadata["labels"].([]map[string]any)
	for _, name := range sortedKeys(e.labels) {
		labels = append(labels, map[string]any{"key": name, "value": e.labels[name]})
	}
	if len(labels) > 0 {
		left.metadata["labels"] = labels
	}
	if err := os.Chmod(filepath.Dir(e.metadataFile()), 0o755); err != nil {
		return fmt.Errorf("write %s: %w", e.metadataFile(), err)
	}
	return writeTOML(e.metadataFile(), left.metadata)
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// writeTOML writes a file anew, under a name that nothing has.
func writeTOML(path string, content any) error {
	var encoded bytes.Buffer
	if err := toml.NewEncoder(&encoded).Encode(content); err != nil {
		return refuse("what the build left in %s cannot be written again: %.300s", path, err)
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("write %s: %w", path, err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if _, err := file.Write(encoded.Bytes()); err != nil {
		file.Close()
		return fmt.Errorf("write %s: %w", path, err)
	}
	return file.Close()
}
