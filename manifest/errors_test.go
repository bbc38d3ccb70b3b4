package manifest

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestErrorsPage writes docs/errors.md from the broken files of the other tests, and so from what Parse really says: one
// example for each kind of message, under the section of the reference that it links to.
func TestErrorsPage(t *testing.T) {
	compare(t, "../docs/errors.md", []byte(errorsPage(t)))
}

const errorsBegin = `# Every error

What can be wrong with a ` + "`toolforge.yaml`" + `, in the order of [the reference](toolforge-yaml.md): under each of its sections, for each
kind of mistake, a line with it and what is said about it (` + "`⇥`" + ` is a tab). Where the message names what was meant or allowed, write that; the
section says more. Names and numbers are those of the example.

Nothing changes while there is an error: what ran before keeps running. All errors of a file are told at once, on the tool's page
and by [` + "`/api/v1/validate`" + `](status-endpoint.md#apiv1validate).

Some mistakes only the platform can see: a language or a builder that it does not have, a process that is not in the built
image, a host that belongs to another tool, more memory than the quota allows. They are told in the same place and manner. What else
can keep a tool from running is in [the reasons](reasons.md).

(This page is written by ` + "`go test ./manifest -update`" + `.)
`

// entry is one example of an error.
type entry struct{ section, text string }

func errorsPage(t *testing.T) string {
	t.Helper()
	entries := entriesOf(t)
	var page strings.Builder
	page.WriteString(errorsBegin)
	written := 0
	for _, title := range heading.FindAllStringSubmatch(string(read(t, "../docs/toolforge-yaml.md")), -1) {
		anchor := anchorOf(title[1])
		var below []string
		for _, e := range entries {
			if e.section == anchor {
				below = append(below, e.text)
			}
		}
		if len(below) == 0 {
			continue
		}
		written += len(below)
		fmt.Fprintf(&page, "\n## %s\n\nSee [%s](toolforge-yaml.md#%s).\n\n```\n%s```\n", title[1], title[1], anchor, strings.Join(below, "\n"))
	}
	if written != len(entries) || written < 100 {
		t.Errorf("%d of %d errors are on the page", written, len(entries))
	}
	return page.String()
}

// entriesOf returns the first example of each kind of message.
func entriesOf(t *testing.T) []entry {
	t.Helper()
	var entries []entry
	seen := map[string]bool{}
	add := func(data []byte) {
		_, problems := Parse(data, ownOrigin)
		for _, p := range problems {
			if kind := p.Section + kindOf(p.Message); !seen[kind] {
				seen[kind] = true
				entries = append(entries, entry{p.Section, shown(data, p)})
			}
		}
	}
	for _, archive := range []string{"testdata/broken.txtar", "testdata/broken-older.txtar"} {
		for _, file := range txtar.Parse(read(t, archive)).Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				add(file.Data)
			}
		}
	}
	for _, file := range hostileFiles() {
		add([]byte(file.file))
	}
	return entries
}

var particular = regexp.MustCompile("`[^`]*`|\"[^\"]*\"|[0-9]+")

// kindOf leaves out of a message what it repeats of the file. What was found does not make another kind.
func kindOf(message string) string {
	before, _, _ := strings.Cut(message, "; found ")
	return particular.ReplaceAllString(before, "_")
}

// shown is the line with the mistake, and the message below it at the mistake's column, as compilers show it.
func shown(data []byte, p Problem) string {
	const longest = 200
	line := strings.TrimRight(string(lineOf([]byte(strings.TrimPrefix(string(data), "\ufeff")), p.Line)), "\r")
	readable := line != "" && len(line) <= longest && !strings.ContainsFunc(line, func(c rune) bool {
		return c != '\t' && wrongCharacter(c, 1) != ""
	})
	if !readable {
		return p.Message + "\n"
	}
	margin := fmt.Sprintf("%d | ", p.Line)
	blank := strings.Repeat(" ", len(margin)-2) + "| "
	return fmt.Sprintf("%s%s\n%s%s^ %s\n", margin, strings.ReplaceAll(line, "\t", "⇥"), blank, strings.Repeat(" ", p.Column-1), p.Message)
}
