package manifest

import (
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestReference keeps docs/toolforge-yaml.md complete: every key of the tables is named in its section and shown in an
// example there.
func TestReference(t *testing.T) {
	checkReference(t, sectionsOf(t, "../docs/toolforge-yaml.md"), Keys(), rootSection, "the top level")
}

func checkReference(t *testing.T, sections map[string]string, keys []Key, section, place string) {
	t.Helper()
	for _, k := range keys {
		in := section
		if k.Section != "" {
			in = k.Section
		}
		text, ok := sections[in]
		switch {
		case !ok:
			t.Errorf("`%s` of %s: the reference has no section %q", k.Name, place, in)
		case in != k.Name && !strings.Contains(text, "`"+k.Name+"`"):
			t.Errorf("`%s` of %s is not named in section %q", k.Name, place, in)
		case !regexp.MustCompile("(?s)```yaml.*\\b" + k.Name + ":.*```").MatchString(text):
			t.Errorf("`%s` of %s has no example in section %q", k.Name, place, in)
		}
		if !strings.HasSuffix(k.Doc, ".") || k.Allowed == "" {
			t.Errorf("`%s` of %s is not documented in the table", k.Name, place)
		}
		checkReference(t, sections, k.Keys, in, k.Place)
	}
}

var heading = regexp.MustCompile(`(?m)^##+ (.*)$`)

// sectionsOf returns the text below each heading, with that of the headings below it, by its anchor.
func sectionsOf(t *testing.T, page string) map[string]string {
	t.Helper()
	text := string(read(t, page))
	sections := map[string]string{}
	at := heading.FindAllStringSubmatchIndex(text, -1)
	for i, h := range at {
		level, end := strings.Index(text[h[0]:], " "), len(text)
		for _, next := range at[i+1:] {
			if strings.Index(text[next[0]:], " ") <= level {
				end = next[0]
				break
			}
		}
		sections[anchorOf(text[h[2]:h[3]])] = text[h[1]:end]
	}
	return sections
}

var notInAnchor = regexp.MustCompile(`[^a-z0-9 _-]`)

// anchorOf is what GitHub, GitLab and goldmark make of a heading in plain words.
func anchorOf(heading string) string {
	return strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(heading), ""), " ", "-")
}

// TestSections: every problem names a section that there is.
func TestSections(t *testing.T) {
	sections := sectionsOf(t, "../docs/toolforge-yaml.md")
	for _, file := range txtar.Parse(read(t, "testdata/broken.txtar")).Files {
		if !strings.HasSuffix(file.Name, ".yaml") {
			continue
		}
		_, problems := Parse(file.Data, Origin{})
		for _, p := range problems {
			if _, ok := sections[p.Section]; !ok {
				t.Errorf("%s: %v: there is no section %q", file.Name, p, p.Section)
			}
		}
	}
}

func TestSectionOfProblem(t *testing.T) {
	for file, want := range map[string]string{
		"":                                     textSection,
		"a: [":                                 textSection,
		"apiVersion: v1\nkind: Pod":            rootSection,
		"webservice: {}\nwebservise: {}":       rootSection,
		"webservice: {colour: blue}":           "webservice",
		"webservice: {health_check: {}}":       "health_check",
		"webservice: {health_check: {tcp: 1}}": "health_check",
		"webservice: {memory: 1}":              "cpu-and-memory",
		"webservice: {process: a, command: b}": "process-or-command",
		"webservice: {env: {1A: b}}":           "env",
		"webservice: {}\nbuilds: {redis: {repository: x}}":                              "builds",
		"webservice: {}\nbuilds: {redis: {stack: 7}}":                                   "stack",
		"webservice: {}\nsecrets: {A: {age: b}}":                                        "secrets",
		"jobs: [{name: a, schedule: x, command: b}]":                                    "scheduled-jobs",
		"jobs: [{name: a, command: b, pre_deploy: 1}]":                                  "pre-deploy-jobs",
		"jobs: [{name: a, command: b}]":                                                 "jobs",
		"jobs: [{name: a, command: b, continuous: true, timeout: 1h}]":                  "scheduled-jobs",
		"x-a: &a {retry: 9}\njobs: [{<<: *a, name: a, command: b, schedule: '@daily'}]": "scheduled-jobs",
	} {
		_, problems := Parse([]byte(file), Origin{})
		if len(problems) == 0 || problems[0].Section != want {
			t.Errorf("%q: got %+v, want section %q", file, problems, want)
		}
	}
	m, problems := Parse([]byte("stack: go\nwebservice: {}"), Origin{})
	if problems != nil {
		t.Fatal(problems)
	}
	for path, want := range map[string]string{"stack[0]": "stack", "jobs[3].process": "process-or-command", "": rootSection} {
		if got := m.Problem(path, "m").Section; got != want {
			t.Errorf("%q: got section %q, want %q", path, got, want)
		}
	}
}
