package manifest

import (
	"regexp"
	"strings"
)

// The sections of docs/toolforge-yaml.md that no key has: for what is wrong with a file as a text, and as a whole.
const (
	textSection = "some-yaml-to-know"
	rootSection = "top-level"
	// olderSection is about Toolforge's older formats.
	olderSection = "older-formats"
)

var inBrackets = regexp.MustCompile(`\[[0-9]+\]`)

// sectionOf is the section of the reference about the value at a path: that of the innermost key which has one.
func sectionOf(path string) string {
	section, keys, byName := rootSection, Keys(), false
	for name := range strings.SplitSeq(inBrackets.ReplaceAllString(path, ""), ".") {
		if byName {
			byName = false
			continue
		}
		i := indexOf(keys, name)
		if i < 0 {
			break
		}
		if keys[i].Section != "" {
			section = keys[i].Section
		}
		keys, byName = keys[i].Keys, keys[i].ByName
	}
	return section
}

func indexOf(keys []Key, name string) int {
	for i, k := range keys {
		if k.Name == name {
			return i
		}
	}
	return -1
}

// found fills in the section of each problem from what the reader found at its place.
func (ps Problems) found(r *reader) Problems {
	for i, p := range ps {
		if p.Section != "" {
			continue
		}
		ps[i].Section = sectionOf(r.paths[Position{Line: p.Line, Column: p.Column}])
	}
	return ps
}

// in gives all of them one section.
func (ps Problems) in(section string) Problems {
	for i := range ps {
		ps[i].Section = section
	}
	return ps
}
