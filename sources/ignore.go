package sources

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode/utf8"
)

// Bounds of what ParseIgnore takes: patterns, the bytes of each, and the names between its slashes.
const (
	maxPatterns     = 100
	maxPattern      = 1 << 10
	maxPatternNames = 50
)

// Ignore are patterns of what to leave out of a directory. The zero value leaves out nothing. It is immutable, and safe
// for concurrent use.
type Ignore struct{ patterns []pattern }

type pattern struct {
	names    []namePattern
	dirsOnly bool
}

// namePattern is what stands between two slashes.
type namePattern struct {
	text string
	glob bool // text is one of path.Match's, rather than a name
	deep bool // "**": any number of names
}

// ParseIgnore reads patterns as gitignore(5) has them, relative to a directory: "*", "?" and "[a-z]" match within a
// name, "**" between slashes any number of names. A pattern with a slash that is not at its end begins at the directory,
// one without matches at every depth; a slash at the end has it match directories alone (and submodules, as in git).
// What matches a directory takes everything below.
//
// Other than in a .gitignore, there are no comments, "?" and "[…]" match a character rather than a byte, and a pattern
// that git would never match, or that takes something back ("!"), is an error. There are at most 100 patterns, each of
// at most 1 KiB and 50 names. Every error is ErrInvalid and names the pattern.
func ParseIgnore(patterns []string) (Ignore, error) {
	if len(patterns) > maxPatterns {
		return Ignore{}, failf(ErrInvalid, nil, "there are %d patterns: write at most %d", len(patterns), maxPatterns)
	}
	var ignore Ignore
	for _, text := range patterns {
		p, err := parsePattern(text)
		if err != nil {
			return Ignore{}, failf(ErrInvalid, nil, "the pattern %.100q %s", text, err)
		}
		ignore.patterns = append(ignore.patterns, p)
	}
	return ignore, nil
}

func parsePattern(text string) (pattern, error) {
	switch {
	case len(text) > maxPattern:
		return pattern{}, errors.New("is longer than 1 KiB")
	case !utf8.ValidString(text):
		return pattern{}, errors.New("is not valid UTF-8")
	case strings.HasPrefix(text, "!"):
		return pattern{}, errors.New(`begins with "!", and negation is not supported: write only what to leave out`)
	case strings.HasSuffix(text, " ") && !strings.HasSuffix(text, `\ `):
		return pattern{}, errors.New("ends in a space: remove it")
	}
	rest, dirsOnly := strings.CutSuffix(text, "/")
	anchored := strings.Contains(rest, "/")
	rest = strings.TrimPrefix(rest, "/")
	p := pattern{dirsOnly: dirsOnly}
	if !anchored {
		p.names = append(p.names, namePattern{deep: true})
	}
	for text := range strings.SplitSeq(rest, "/") {
		name, err := parseName(text)
		if err != nil {
			return pattern{}, err
		}
		if last := len(p.names) - 1; name.deep && last >= 0 && p.names[last].deep {
			continue // the same as one
		}
		p.names = append(p.names, name)
	}
	if len(p.names) > maxPatternNames {
		return pattern{}, errors.New("has more than 50 names")
	}
	return p, nil
}

func parseName(text string) (namePattern, error) {
	switch {
	case text == "":
		return namePattern{}, errors.New("matches nothing: write a name before, after and between slashes")
	case text == "." || text == "..":
		return namePattern{}, errors.New(`matches nothing: write it without "." and ".."`)
	case len(text) > 1 && strings.Trim(text, "*") == "":
		return namePattern{deep: true}, nil
	case !strings.ContainsAny(text, `*?[\`):
		return namePattern{text: text}, nil
	}
	glob, err := translateClasses(text)
	if err != nil {
		return namePattern{}, err
	}
	if _, err := path.Match(glob, ""); err != nil {
		return namePattern{}, errors.New(`cannot be read: check its "[", "]" and "\" (in "[…]", write "\]" and "\-" for these characters)`)
	}
	return namePattern{text: glob, glob: true}, nil
}

// translateClasses writes gitignore's "[!a]" as path.Match has it: "[^a]". It refuses what the two read differently.
func translateClasses(text string) (string, error) {
	glob := []rune(text)
	i, inClass := 0, false
	ahead := func(n int) rune {
		if i+n < len(glob) {
			return glob[i+n]
		}
		return 0
	}
	reversed := func() bool {
		end := ahead(2)
		if end == '\\' {
			end = ahead(3)
		}
		return ahead(1) == '-' && end != ']' && end != 0 && end < glob[i]
	}
	for ; i < len(glob); i++ {
		escaped := glob[i] == '\\' && ahead(1) != 0
		if escaped {
			i++
		}
		switch {
		case inClass && reversed():
			return "", fmt.Errorf("has a range that ends before it begins: %q", string(glob[i:i+3]))
		case escaped:
		case glob[i] == ']':
			inClass = false
		case glob[i] == '[' && inClass && ahead(1) == ':':
			return "", errors.New(`has a class by name ("[:…:]"), which is not supported: write its characters, as [a-z]`)
		case glob[i] == '[' && !inClass:
			inClass = true
			if ahead(1) == '!' {
				glob[i+1] = '^'
			}
		}
	}
	return string(glob), nil
}

// matches needs at most cost steps.
func (n namePattern) matches(name string) bool {
	switch {
	case n.deep:
		return true
	case n.glob:
		ok, err := path.Match(n.text, name)
		return ok && err == nil
	}
	return n.text == name
}

func (n namePattern) cost(name string) int {
	if n.glob {
		return 1 + len(name)*len(n.text)
	}
	return 1
}

// progress is how far the names of a path have got in one pattern: the number of its names that they match.
type progress struct{ pattern, names uint16 }

// start is the progress of no name at all, in every pattern.
func (g Ignore) start() (all []progress) {
	for i := range g.patterns {
		all = g.add(all, progress{pattern: uint16(i)})
	}
	return all
}

// step takes one more name. What matches in whole is to be left out; otherwise next is the progress with which to look
// at what is below a directory: none when no pattern can match anything there. All progresses are carried at once, so
// that nothing is ever tried again.
func (g Ignore) step(all []progress, name string, isDir bool) (next []progress, matched bool) {
	for _, at := range all {
		p := g.patterns[at.pattern]
		last := int(at.names) == len(p.names)-1
		n := p.names[at.names]
		switch {
		case !n.matches(name):
		case last && (isDir || !p.dirsOnly):
			return nil, true
		case last || !isDir:
		case n.deep:
			next = g.add(next, at)
		default:
			next = g.add(next, progress{at.pattern, at.names + 1})
		}
	}
	return next, false
}

// add appends at, unless it is there, and after a "**" also what follows it, which may match no name.
//
// It is called in the order of all, so the last one is at or behind every earlier one of the pattern.
func (g Ignore) add(all []progress, at progress) []progress {
	if n := len(all); n > 0 && all[n-1].pattern == at.pattern && all[n-1].names >= at.names {
		return all
	}
	all = append(all, at)
	names := g.patterns[at.pattern].names
	if names[at.names].deep && int(at.names) < len(names)-1 {
		all = append(all, progress{at.pattern, at.names + 1})
	}
	return all
}

// cost is how many steps a step takes at most.
func (g Ignore) cost(all []progress, name string) int {
	sum := 1
	for _, at := range all {
		sum += g.patterns[at.pattern].names[at.names].cost(name)
	}
	return sum
}
