package sources

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// ignoring parses patterns that are right.
func ignoring(t testing.TB, patterns ...string) Ignore {
	t.Helper()
	ignore, err := ParseIgnore(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return ignore
}

// leavesOut says whether a file at that path, or a directory that it is in, is left out.
func leavesOut(ignore Ignore, path string) bool {
	all := ignore.start()
	names := strings.Split(path, "/")
	matched := false
	for i, name := range names {
		if all, matched = ignore.step(all, name, i < len(names)-1); matched {
			return true
		}
	}
	return false
}

// gitIgnored says which entries of an index git leaves out for the patterns. The index is as git ls-tree -r -z writes it.
func gitIgnored(r *testRepo, patterns []string, index string) []string {
	r.t.Helper()
	list := filepath.Join(r.dir, "patterns")
	text := strings.Join(patterns, "\n")
	if strings.HasPrefix(text, "#") {
		text = `\` + text // there are no comments here
	}
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	r.git("read-tree", "--empty")
	r.gitWith(index, "update-index", "-z", "--index-info")
	var paths []string
	for line := range strings.SplitSeq(r.git("ls-files", "-z", "-s", "-i", "-c", "-X", list), "\x00") {
		if _, path, ok := strings.Cut(line, "\t"); ok {
			paths = append(paths, path)
		}
	}
	return paths
}

// indexOf is an index of files of those names.
func indexOf(paths ...string) string {
	var index strings.Builder
	for _, path := range paths {
		index.WriteString("100644 " + strings.Repeat("1", 40) + "\t" + path + "\x00")
	}
	return index.String()
}

var ignorePaths = []string{
	"README.md", "a", "docs/a.md", "docs/deep/er/b.md", "docs/deep/x", "src/docs/c", "src/main.go", "src/a/b/c/d", "a.d/b",
	"x/docs", "#x", "sp ace", "back\\slash", "star*", "[x]", ".hidden/.x", "foo/bar", "x/foo/bar", "foo/x/bar", "foo/x/y/bar",
	"foo/z/bar/baz/foo/bar", "aaaab", "src/aab", "!bang", "a-b", "build/out.o", "lib/build/out.o", "Build",
}

var ignorePatterns = []string{
	"docs", "docs/", "/docs", "/docs/", "docs/**", "docs/*", "**/docs", "**/docs/", "**/docs/**", "docs/**/b.md", "*.md", "/*.md", "**/*.md",
	"docs/*.md", "src/**/d", "src/**/c", "src/*/b", "src/a/**/d", "**", "**/", "*", "*/", "/*", "/**", "/*/", "**/*", "***", "**/**", "docs/***",
	"foo/**/bar", "foo/**/", "**/foo/bar", "foo/bar", "/foo/bar", "foo/**/**/bar", "**/bar/**", "foo/*/bar", "fo?/b?r", "foo**", "**bar", "fo**o/bar",
	"[a-c]", "[!a-c]", "[^a-c]", "a[!-]b", `[\]x]`, `\[x\]`, `\[x]`, "#x", `\#x`, `\!bang`, `sp\ ace`, "sp ace", `back\\slash`, `star\*`, "star*", ".*", "*.d", "*.d/",
	"a*b", "*a*a*b", "a*a*a*a*b", "build", "Build", "build/", "*/build", "[z-a]", "[a-]", "x/docs/", "x/docs", "a/", "src/a/b/c/d/", "src/a/b/c/",
	"nothing", "*.go/", "[[]x]", `[\z-a]`, `[z-\a]`, "[!]", `\`, "[]", "[a", "a]b", "]", "[x]]", "{a,docs}", "a{,b}",
}

// Each pattern is compared with git's own opinion, for each path.
func TestIgnoreIsGits(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	refused := 0
	for _, pattern := range ignorePatterns {
		ignore, err := ParseIgnore([]string{pattern})
		if err != nil {
			refused++
			continue
		}
		want := gitIgnored(repo, []string{pattern}, indexOf(ignorePaths...))
		for _, path := range ignorePaths {
			if got := leavesOut(ignore, path); got != slices.Contains(want, path) {
				t.Errorf("%q leaves out %q: %v, git: %v", pattern, path, got, !got)
			}
		}
	}
	if refused > 9 {
		t.Errorf("%d patterns were refused", refused)
	}
}

func TestParseIgnoreErrors(t *testing.T) {
	for _, test := range []struct{ pattern, want string }{
		{"", "matches nothing"},
		{"/", "matches nothing"},
		{"a//b", "matches nothing"},
		{"a//", "matches nothing"},
		{"./a", `without "." and ".."`},
		{"a/../b", `without "." and ".."`},
		{"!a", "negation is not supported"},
		{"a ", "ends in a space"},
		{"[a", `check its "["`},
		{"a\\", `check its "["`},
		{"[]a]", `check its "["`},
		{"[a/b]", `check its "["`},
		{"[[:alpha:]]", "class by name"},
		{"[z-a]", `"z-a"`},
		{"a\xff", "UTF-8"},
		{strings.Repeat("a", maxPattern+1), "longer than 1 KiB"},
		{strings.Repeat("*/", maxPatternNames) + "*", "more than 50 names"},
	} {
		_, err := ParseIgnore([]string{"ok", test.pattern})
		if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), test.want) || len(err.Error()) > 400 {
			t.Errorf("%.20q: got %v, want %q", test.pattern, err, test.want)
		}
	}
	if _, err := ParseIgnore(make([]string, maxPatterns+1)); !errors.Is(err, ErrInvalid) {
		t.Errorf("too many patterns: %v", err)
	}
}

// "?" and classes match characters, as a maintainer counts them.
func TestIgnoreCountsCharacters(t *testing.T) {
	for pattern, want := range map[string]bool{"?": true, "[é-ü]": true, "??": false, "[!é]": false} {
		if got := leavesOut(ignoring(t, pattern), "é"); got != want {
			t.Errorf("%q: %v", pattern, got)
		}
	}
}

func FuzzIgnore(f *testing.F) {
	for i, pattern := range ignorePatterns {
		f.Add(pattern, ignorePaths[i%len(ignorePaths)])
	}
	repo := newGitServer(f).create(f, "tool")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		ignore, err := ParseIgnore([]string{pattern})
		if err != nil {
			if !errors.Is(err, ErrInvalid) {
				t.Errorf("got %v", err)
			}
			return
		}
		got := leavesOut(ignore, path)
		if !plain(pattern) || !plain(path) || len(path) > 1000 || !plainPath(path) {
			return
		}
		repo.t = t
		if want := slices.Contains(gitIgnored(repo, []string{pattern}, indexOf(path)), path); got != want {
			t.Errorf("%q leaves out %q: %v, git: %v", pattern, path, got, want)
		}
	})
}

// plain says whether text means the same to git: it has no lines or characters of several bytes.
func plain(text string) bool {
	return !strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' })
}

// plainPath says whether git takes a path into an index.
func plainPath(path string) bool {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || checkName(name) != nil || strings.HasPrefix(strings.ToLower(name), ".git") || strings.Contains(name, "~") {
			return false
		}
	}
	return true
}
