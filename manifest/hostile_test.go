package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// hostileFiles are what a text file of expectations cannot hold: size, encoding, and files made to be costly.
func hostileFiles() []hostileFile {
	return []hostileFile{
		{"empty", "", "line 1, column 1: the file is empty"},
		{"blank", " \r\n\t\n", "line 1, column 1: the file is empty"},
		{"too large", "#" + strings.Repeat("x", maxFileBytes), "line 1, column 1: the file is larger than 256 KiB"},
		{"NUL", "webservice: {}\nenv: \x00", "line 2, column 6: there is a NUL character here"},
		{"UTF-16", "\xff\xfes\x00t\x00", "line 1, column 1: the file is not valid UTF-8"},
		{"invalid UTF-8", "# ü\n# ü\xe9", "line 2, column 4: the file is not valid UTF-8"},
		{"escape character", "# \x1b[2J", "line 1, column 3: there is an invisible control character"},
		{"line separator", "# a\u2028jobs: []", "line 1, column 4: there is an invisible control character"},
		{"second BOM", "\ufeff\ufeffjobs: []", "line 1, column 1: there is an invisible control character"},
		{"CRLF", "webservice: {}\r\nstak: go\r\n", "line 2, column 1: unknown key `stak`"},
		{"BOM", "\ufeffstak: go\nwebservice: {}", "line 1, column 1: unknown key `stak`"},
		{"too dense", strings.Repeat("[", maxFileBytes), "too many lines, entries and comments"},
		{"deep flow", strings.Repeat("[", maxMarks), "this is nested far too deep"},
		{"deep block", strings.Repeat("- ", maxMarks), "this is nested far too deep"},
		{"deep in an ignored key", "x-a: " + strings.Repeat("[", 9000) + strings.Repeat("]", 9000), "nothing to run"},
		{"merge bomb", mergeBomb(8, 9), "too large once its aliases"},
		{"deep merges", mergeBomb(20, 1), "is nested more than 8 deep"},
		{"merged lists", "webservice:\n  <<: &a [*a]", "`<<` must be an alias of a mapping, such as `*defaults`; found a list"},
		{"dense and broken", "x-a: [\n" + strings.Repeat("1,", 20_000) + "\nx: }", "line 2, column 1: a value is missing here"},
		{"alias bomb", aliasBomb(), "an entry of `jobs` must be a mapping"},
		{"jobs", "jobs: [" + strings.Repeat("{},", 101) + "]", "`jobs` has 101 entries; at most 100"},
		{"variables", "webservice: {}\nenv:\n" + manyVariables(257), "`env` has 257 variables; at most 256"},
		{"value", "webservice: {}\nenv: {A: " + strings.Repeat("x", maxValueBytes+1) + "}", "`A` is too long: 32769 bytes"},
		{"all values", "webservice: {}\nx-v: &v " + strings.Repeat("x", maxValueBytes) + "\nenv: {A: *v, B: *v}",
			"`env` holds 65538 bytes"},
		{"long command", "webservice: {command: " + strings.Repeat("x", maxCommand+1) + "}", "`command` is too long: 8193 bytes"},
		{"long key", strings.Repeat("k", 1000) + ": 1\nwebservice: {}", "unknown key `" + strings.Repeat("k", 39) + "…`"},
		{"long value", "webservice: {port: " + strings.Repeat("p", 1000) + "}", `found "` + strings.Repeat("p", 39) + `…"`},
		{"unprintable key", `{"\e[2J\u202e": 1, webservice: {}}`, "unknown key `\ufffd[2J\ufffd`"},
		{"huge number", "webservice: {port: " + strings.Repeat("9", 1000) + "}", "`port` must be a whole number"},
		{"empty keys", "'': {'': 1}\nwebservice: {'': 1}", "unknown key ``"},
	}
}

type hostileFile struct{ name, file, want string }

func TestHostileFiles(t *testing.T) {
	for _, test := range hostileFiles() {
		t.Run(test.name, func(t *testing.T) {
			m, problems := Parse([]byte(test.file), Origin{})
			if m != nil || !strings.Contains(problems.Error(), test.want) {
				t.Errorf("got %v, %v\nwant %q", m, problems, test.want)
			}
		})
	}
}

// TestRepeatedProblems: without a bound, a hundred entries of a thousand unknown keys each took half a minute.
func TestRepeatedProblems(t *testing.T) {
	file := "x-job: &job\n" + strings.ReplaceAll(manyVariables(1000), "V", "schedul") +
		"jobs: [" + strings.Repeat("*job,", 100) + "]\n"
	r := newReader(Keys())
	document, problem := decode([]byte(file))
	if problem != nil {
		t.Fatal(problem)
	}
	root.read(r, value{node: document})
	if len(r.problems) < maxProblems || len(r.problems) > maxNoted+10 {
		t.Errorf("%d problems were noted", len(r.problems))
	}
}

func TestLineEndingsAndByteOrderMark(t *testing.T) {
	for _, file := range []string{
		"\ufeffstack: go\nwebservice: {}\n", "stack: go\r\nwebservice: {}\r\n", "stack: go\nwebservice: {}",
	} {
		m, problems := Parse([]byte(file), Origin{})
		if problems != nil || m.Builds[MainBuild].Stack[0] != "go" || m.Webservice == nil {
			t.Errorf("%q: got %+v, %v", file, m, problems)
		}
	}
}

func TestProblemsAreCounted(t *testing.T) {
	_, problems := Parse([]byte("webservice: {}\nenv:\n"+strings.ReplaceAll(manyVariables(70), "V", "1V")), Origin{})
	if len(problems) != maxProblems+1 {
		t.Fatalf("got %d problems", len(problems))
	}
	want := "line 53, column 3: and at least 20 more problems from here on"
	if got := problems[maxProblems].String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func manyVariables(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  V%d: x\n", i)
	}
	return b.String()
}

// mergeBomb nests mappings that merge the one before several times.
func mergeBomb(levels, times int) string {
	var b strings.Builder
	b.WriteString("x-0: &a0 {}\n")
	for i := range levels {
		fmt.Fprintf(&b, "x-%d: &a%d {<<: [%s]}\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), times))
	}
	fmt.Fprintf(&b, "webservice: *a%d\n", levels)
	return b.String()
}

// aliasBomb nests lists that hold the one before nine times.
func aliasBomb() string {
	var b strings.Builder
	b.WriteString("x-0: &a0 [x]\n")
	for i := range 30 {
		fmt.Fprintf(&b, "x-%d: &a%d [%s]\n", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d,", i), 9))
	}
	b.WriteString("jobs: *a30\n")
	return b.String()
}

// TestHostileOlderFiles: conversion, and writing the file in v1, cost no more than reading does.
func TestHostileOlderFiles(t *testing.T) {
	component := "{build: {repository: 'https://git.example/x', ref: main}, run: {command: x}}"
	for _, test := range []struct{ name, file, want string }{
		{"components", "components:\n" + strings.ReplaceAll(manyVariables(101), "V", "v"), "`components` must be a mapping of 1 to 100 components"},
		{"jobs", "- {name: a, command: x}\n" + strings.Repeat("- {}\n", 100), "`toolforge.yaml` has 101 entries"},
		{"alias bomb", aliasBomb() + "components: {a: " + component + "}", "`jobs` is a key of version v1"},
		{"alias bomb in a component", strings.Replace(aliasBomb(), "jobs:", "components:", 1), "`components` must be a mapping"},
		{"merge bomb", strings.Replace(mergeBomb(8, 9), "webservice:", "components:", 1), "too large once its aliases"},
		{"merge bomb in old keys", mergeBomb(8, 9) + "jobs: [{mem: 1Gi}]\n", "too large once its aliases"},
		{"deep merges", strings.Replace(mergeBomb(20, 1), "webservice:", "components:", 1), "nested more than 8 deep"},
		{"many problems", "x-j: &j\n" + strings.ReplaceAll(manyVariables(1000), "V", "schedul") + "components:\n" + manyAliases("j"),
			"more problems from here on"},
		{"a component that holds itself", "components: &a\n  a: *a\n", "unknown key `a`"},
		{"a job that holds itself", "- &a\n  name: a\n  command: *a\n", "`command` must be a command line"},
		{"reuse", "components:\n" + reuseChain(100), "itself reuses the image of"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, problems := Parse([]byte(test.file), Origin{})
			if m != nil || !strings.Contains(problems.Error(), test.want) {
				t.Errorf("got %v, %v\nwant %q", m, problems, test.want)
			}
		})
	}
}

// TestV1WouldBeTooLarge: aliases keep a file small that is large without them.
func TestV1WouldBeTooLarge(t *testing.T) {
	component := "x-c: &c {build: {repository: 'https://git.example/x', ref: main}, run: {command: '" +
		strings.Repeat("x", maxCommand) + "'}}\n"
	m, problems := Parse([]byte(component+"components:\n"+manyAliases("c")), Origin{})
	if problems != nil || len(m.Jobs) != 100 || m.V1 != "" {
		t.Fatalf("got %v, %v", m, problems)
	}
	if want := "line 1, column 1: written in v1, the file would be larger than 256 KiB, so it is not shown\n"; lines(m.Notes) != want {
		t.Errorf("notes:\n%s", lines(m.Notes))
	}
	if len(m.Builds) != 2 {
		t.Errorf("%d builds for one source", len(m.Builds)-1)
	}
}

// manyAliases are 100 entries of a mapping.
func manyAliases(anchor string) string {
	var b strings.Builder
	for i := range 100 {
		fmt.Fprintf(&b, "  c%d: *%s\n", i, anchor)
	}
	return b.String()
}

// reuseChain are components that each reuse the image of the one before.
func reuseChain(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  c%d: {build: {reuse_from: c%d}, run: {command: x}}\n", i, (i+n-1)%n)
	}
	return b.String()
}
