package build

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// asked is the test's request with a commit and what is at the top of its source.
func asked(commit string, change func(*Request)) Request {
	r := testRequest()
	r.Commit = commit
	r.Paths = map[string]string{"src/": "1", "README": "1", "package.json": "1"}
	r.Configuration = "stack nodejs"
	if change != nil {
		r.Inputs.Env = maps.Clone(r.Inputs.Env)
		change(&r)
	}
	return r
}

func TestReason(t *testing.T) {
	built := open(asked("9f8e7d6c5b4a", nil), nil)
	if built.Reason != "first build" || built.Automatic {
		t.Errorf("the first build: %q, automatic %v", built.Reason, built.Automatic)
	}
	built.State, built.Attempts = api.BuildSucceeded, 1
	for _, test := range []struct {
		name      string
		change    func(*Request)
		want      string
		automatic bool
	}{
		{name: "source", change: func(r *Request) {
			r.Inputs.Tree, r.Paths = "ffff", map[string]string{"src/": "2", "package.json": "1", "Procfile": "1"}
		}, want: "commit 1a2b3c4 changed Procfile, README, src/ since 9f8e7d6"},
		{name: "much of the source", change: func(r *Request) {
			r.Inputs.Tree, r.Paths = "ffff", maps.Clone(r.Paths)
			for i := range 20 {
				r.Paths[fmt.Sprintf("f%02d", i)] = "1"
			}
		}, want: "commit 1a2b3c4 changed f00, f01, f02, f03, f04, f05, f06, f07, f08, f09 and 10 more since 9f8e7d6"},
		{name: "source with too much at its top", change: func(r *Request) {
			r.Inputs.Tree, r.Paths = "ffff", nil
		}, want: "commit 1a2b3c4 changed the source since 9f8e7d6"},
		{name: "builder", change: func(r *Request) { r.Inputs.Builder = "new" }, automatic: true,
			want: "builder changed: new, was registry.example/builder@sha256:" + hex64("builder")},
		{name: "environment", change: func(r *Request) {
			r.Inputs.Env["A"], r.Inputs.Env["TOKEN"] = "2", "hunter2"
			delete(r.Inputs.Env, "NODE_ENV")
		}, want: "build environment changed: A, NODE_ENV, TOKEN"},
		{name: "configuration", change: func(r *Request) { r.Inputs.Order, r.Configuration = "x", "stack nodejs, python" },
			want: "configuration changed: stack nodejs, python, was stack nodejs"},
		{name: "buildpacks", change: func(r *Request) { r.Inputs.Order = "x" }, want: "the builder's buildpacks changed", automatic: true},
		{name: "builder and environment", change: func(r *Request) { r.Inputs.Builder, r.Inputs.Env = "new", nil },
			want: "builder changed: new, was registry.example/builder@sha256:" + hex64("builder") + "; build environment changed: A, NODE_ENV"},
	} {
		t.Run(test.name, func(t *testing.T) {
			record := open(asked("1a2b3c4d5e6f", test.change), &built)
			if record.Reason != test.want || record.Automatic != test.automatic {
				t.Errorf("%q, automatic %v; want %q, %v", record.Reason, record.Automatic, test.want, test.automatic)
			}
			if strings.Contains(fmt.Sprint(record), "hunter2") {
				t.Errorf("a value is in the record: %+v", record)
			}
		})
	}
}

// Another commit of the same inputs is no other build.
func TestSameInputs(t *testing.T) {
	built := open(asked("9f8e7d6c5b4a", nil), nil)
	built.State = api.BuildSucceeded
	if again := open(asked("1a2b3c4d5e6f", nil), &built); again.Commit != built.Commit || again.State != api.BuildSucceeded {
		t.Errorf("record %+v", again)
	}
}

// A commit that waits and is replaced leaves its place, and what it had changed, to the one that replaces it.
func TestReplaced(t *testing.T) {
	built := open(asked("9f8e7d6c5b4a", nil), nil)
	built.State, built.Attempts = api.BuildSucceeded, 1
	first := open(asked("1111111111", func(r *Request) {
		r.Inputs.Tree, r.Paths = "1111", map[string]string{"src/": "2", "README": "1", "package.json": "1"}
	}), &built)
	first.QueuedAt = at(0)
	second := open(asked("2222222222", func(r *Request) {
		r.Inputs.Tree, r.Paths = "2222", map[string]string{"src/": "2", "README": "2", "package.json": "1"}
		r.Inputs.Env["A"] = "2"
	}), &first)
	if want := "commit 2222222 changed README, src/ since 9f8e7d6; build environment changed: A"; second.Reason != want {
		t.Errorf("reason %q, want %q", second.Reason, want)
	}
	if second.Replaced != 1 || !second.QueuedAt.Equal(first.QueuedAt) {
		t.Errorf("record %+v", second)
	}
	never := open(asked("1111111111", nil), nil)
	next := open(asked("2222222222", func(r *Request) { r.Inputs.Tree = "2222" }), &never)
	if next.Reason != "first build" || next.Automatic {
		t.Errorf("after a first build that never began: %q, automatic %v", next.Reason, next.Automatic)
	}
}

// What a stranger calls his files does not fill the record, nor does it break a line.
func TestHostilePaths(t *testing.T) {
	built := open(asked("9f8e7d6c5b4a", nil), nil)
	built.State, built.Attempts = api.BuildSucceeded, 1
	for name, paths := range map[string]map[string]string{
		"long":         {strings.Repeat("x", maxPathBytes): "1"},
		"not in UTF-8": {"\xff": "1"},
	} {
		record := open(asked("1a2b3c4d5e6f", func(r *Request) { r.Inputs.Tree, r.Paths = "ffff", paths }), &built)
		if want := "commit 1a2b3c4 changed the source since 9f8e7d6"; record.Reason != want || record.Paths != nil {
			t.Errorf("%s: reason %q, paths %v", name, record.Reason, record.Paths)
		}
	}
	record := open(asked("1a2b3c4d5e6f", func(r *Request) {
		r.Inputs.Tree, r.Paths = "ffff", map[string]string{"a\n\x1b[31mb": "1", strings.Repeat("y", 4000): "1"}
	}), &built)
	if strings.ContainsAny(record.Reason, "\n\x1b") || len(record.Reason) > maxReason {
		t.Errorf("reason %q", record.Reason)
	}
}
