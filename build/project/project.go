// Package project reads a source's project.toml, the Cloud Native Buildpacks project descriptor (schema versions 0.1 and 0.2): which
// files take part in a build, and the build environment. What it does not use it names, rather than leaving it out in silence. It
// knows files; it does not know pods or the lifecycle.
//
// The entry points are Read, and Descriptor.Apply.
package project

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Name is the file's name, in the root of the source.
const Name = "project.toml"

// Bounds of what is read: bytes of the file, patterns and variables, and the bytes of each.
const (
	maxBytes     = 64 << 10
	maxPatterns  = 200
	maxVariables = 100
	maxValue     = 32 << 10
)

// Descriptor is what a project.toml asks for.
type Descriptor struct {
	// Include are patterns, as in a .gitignore, of the files that take part; empty for all. Exclude are those of files that do
	// not. There is only one of the two.
	Include, Exclude []string
	// Env is the build environment.
	Env map[string]string
	// Notes name what has no effect, each with its line.
	Notes []string
}

// Mistake is what is wrong with a project.toml, for whoever wrote it.
type Mistake struct {
	// Line counts from 1; 0 is the whole file.
	Line int
	// Text says what is wrong and what to write.
	Text string
}

func (m *Mistake) Error() string {
	if m.Line == 0 {
		return Name + ": " + m.Text
	}
	return fmt.Sprintf("%s:%d: %s", Name, m.Line, m.Text)
}

// Read reads the project.toml in a directory; nil when there is none. The error is a *Mistake, or of the file system.
func Read(directory string) (*Descriptor, error) {
	root, err := os.OpenRoot(directory)
	if err != nil {
		return nil, fmt.Errorf("open the source: %w", err)
	}
	defer root.Close()
	about, err := root.Lstat(Name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", Name, err)
	}
	if !about.Mode().IsRegular() {
		return nil, &Mistake{0, "it is not a file"}
	}
	file, err := root.Open(Name)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", Name, err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", Name, err)
	}
	return Parse(data)
}

// Parse reads a project.toml of at most 64 KiB. Every error is a *Mistake.
func Parse(data []byte) (*Descriptor, error) {
	if len(data) > maxBytes {
		return nil, &Mistake{0, fmt.Sprintf("it is larger than %d bytes", maxBytes)}
	}
	document, err := parseDocument(data)
	if err != nil {
		return nil, err
	}
	version, err := document.schema()
	if err != nil {
		return nil, err
	}
	// Where the same is said in both schemas' places, that of the version that is named counts.
	section, other := document.table("io", "buildpacks"), document.table("build")
	env := section.table("build").list("env")
	if version == "0.1" || version == "" && section.empty() {
		section, other = other, section
		env = section.list("env")
	}
	d := &Descriptor{}
	if d.Include, err = patterns(section.key("include")); err != nil {
		return nil, err
	}
	if d.Exclude, err = patterns(section.key("exclude")); err != nil {
		return nil, err
	}
	if d.Include != nil && d.Exclude != nil {
		return nil, section.key("exclude").mistake("`include` and `exclude` cannot be used together: leave one of them out")
	}
	if d.Env, err = variables(env); err != nil {
		return nil, err
	}
	d.Notes = document.notes(section, other, version)
	return d, nil
}

func patterns(v value) ([]string, error) {
	if v.missing() {
		return nil, nil
	}
	list, ok := v.is.([]any)
	if !ok || len(list) > maxPatterns {
		return nil, v.mistake(fmt.Sprintf("`%s` must be a list of at most %d patterns, such as [\"docs/\", \"*.md\"]", v.name(), maxPatterns))
	}
	found := make([]string, 0, len(list))
	for _, item := range list {
		pattern, ok := item.(string)
		if !ok || strings.TrimSpace(pattern) == "" || len(pattern) > 1024 || strings.ContainsAny(pattern, "\n\x00") {
			return nil, v.mistake(fmt.Sprintf("`%s` must be a list of patterns, such as [\"docs/\", \"*.md\"]", v.name()))
		}
		found = append(found, pattern)
	}
	return found, nil
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,254}$`)

func variables(items []value) (map[string]string, error) {
	if len(items) > maxVariables {
		return nil, items[maxVariables].mistake(fmt.Sprintf("there are more than %d variables", maxVariables))
	}
	env := map[string]string{}
	for _, item := range items {
		name, _ := item.key("name").is.(string)
		text, ok := item.key("value").is.(string)
		switch {
		case !variableName.MatchString(name):
			return nil, item.mistake(fmt.Sprintf("each variable needs a `name` of letters, digits and `_`; found %.40q", name))
		case strings.HasPrefix(name, "CNB_"):
			return nil, item.mistake(fmt.Sprintf("`%s` is the platform's: choose another name", name))
		case !ok:
			return nil, item.mistake(fmt.Sprintf("the variable %s needs a `value`, which must be a text", name))
		case len(text) > maxValue || strings.ContainsRune(text, 0):
			return nil, item.mistake(fmt.Sprintf("the value of %s is longer than %d bytes, or is no text", name, maxValue))
		}
		if _, twice := env[name]; twice {
			return nil, item.mistake(fmt.Sprintf("the variable %s is there twice", name))
		}
		env[name] = text
	}
	return env, nil
}

// used are the keys that have an effect, or that only describe the project.
var used = map[string][]string{
	"io.buildpacks":       {"include", "exclude", "build", "builder"},
	"io.buildpacks.build": {"env"},
	"build":               {"include", "exclude", "env", "builder"},
}

// notes name what has no effect. Tables of other domains are for their buildpacks to read.
func (d document) notes(section, other table, version string) []string {
	var notes []string
	note := func(v value, text string) {
		notes = append(notes, v.mistake(text).Error())
	}
	if version == "" {
		notes = append(notes, (&Mistake{0, "it does not say which schema it is in; write [_] and schema-version = \"0.2\""}).Error())
	}
	if !other.empty() {
		note(other.value(), fmt.Sprintf("[%s] has no effect in a file of this schema: write [%s]", other.path(), section.path()))
	}
	sections := []table{section}
	if section.path() == "io.buildpacks" {
		sections = append(sections, section.table("build"))
	}
	for _, s := range sections {
		for _, name := range s.names() {
			switch v := s.key(name); {
			case name == "builder":
				note(v, "`builder` has no effect: it is `builder`, under `build`, in toolforge.yaml")
			case name == "buildpacks" || name == "group" || name == "pre" || name == "post":
				note(v, fmt.Sprintf("`%s` has no effect: the languages are `stack` in toolforge.yaml", name))
			case !slices.Contains(used[s.path()], name):
				note(v, fmt.Sprintf("`%.60s` has no effect: it is not known here", name))
			}
		}
	}
	for _, name := range d.root.names() {
		if !slices.Contains([]string{"_", "project", "io", "build", "com", "org", "net", "metadata"}, name) {
			note(d.root.key(name), fmt.Sprintf("`%.60s` has no effect: it is not known here", name))
		}
	}
	return notes
}
