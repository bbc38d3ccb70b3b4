package retention

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/build"
)

var began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestPlan(t *testing.T) {
	const age = time.Hour
	repository := build.Repository{Kind: build.OfImages, Tool: "wiki", Build: "main"}
	at := func(tag string, behind byte) item {
		return item{repository: repository, tag: tag, digest: digest(behind)}
	}
	name := func(n byte) string { return "tool-wiki/main:" + key(n) }
	needed := needs{keys: map[string]bool{"main/" + key('1'): true}}
	for what, test := range map[string]struct {
		items []item
		was   marks
		next  marks
		due   []item
	}{
		"needed":       {[]item{at(key('1'), '1')}, nil, marks{}, nil},
		"needed again": {[]item{at(key('1'), '1')}, marks{name('1'): began.Add(-2 * age)}, marks{}, nil},
		"marked":       {[]item{at(key('2'), '2')}, nil, marks{name('2'): began}, nil},
		"not yet":      {[]item{at(key('2'), '2')}, marks{name('2'): began.Add(1 - age)}, marks{name('2'): began.Add(1 - age)}, nil},
		"due":          {[]item{at(key('2'), '2')}, marks{name('2'): began.Add(-age)}, marks{name('2'): began.Add(-age)}, []item{at(key('2'), '2')}},
		"gone":         {nil, marks{name('2'): began.Add(-age)}, marks{}, nil},
		"the same image is needed": {[]item{at(key('1'), '1'), at(key('2'), '1')}, marks{name('2'): began.Add(-age)},
			marks{name('2'): began.Add(-age)}, nil},
		"the same image is not due": {[]item{at(key('2'), '2'), at(key('3'), '2')}, marks{name('2'): began.Add(-age)},
			marks{name('2'): began.Add(-age), name('3'): began}, nil},
		"a stranger's tag leads to it": {[]item{at(key('2'), '2'), at("latest", '2')}, marks{name('2'): began.Add(-age)},
			marks{name('2'): began.Add(-age)}, nil},
		"both are due": {[]item{at(key('2'), '2'), at(key('3'), '2')}, marks{name('2'): began.Add(-age), name('3'): began.Add(-age)},
			marks{name('2'): began.Add(-age), name('3'): began.Add(-age)}, []item{at(key('2'), '2'), at(key('3'), '2')}},
		"it is not known what is behind": {[]item{{repository: repository, tag: key('2')}}, marks{name('2'): began.Add(-age)},
			marks{name('2'): began.Add(-age)}, nil},
	} {
		t.Run(what, func(t *testing.T) {
			next, due := Policy{Keep: 1, Age: age}.plan(test.items, needed, test.was, began)
			if diff := cmp.Diff(test.next, next); diff != "" {
				t.Errorf("marks (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.due, due, cmp.AllowUnexported(item{})); diff != "" {
				t.Errorf("due (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzMarks(f *testing.F) {
	f.Add([]byte(`{"unneeded": {"tool-wiki/main:x": "2026-11-23T12:00:00Z"}}`))
	f.Add([]byte(`{"unneeded": {"a": "9999-01-01T00:00:00Z"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		read, err := parseMarks(data, began)
		if err != nil && read != nil {
			t.Error("marks of what cannot be read")
		}
		for name, since := range read {
			if since.After(began) {
				t.Errorf("%q is marked in the future", name)
			}
		}
	})
}

func FuzzLedger(f *testing.F) {
	f.Add([]byte(`{"tools": {"wiki": ["main"], "../x": ["y"], "z": ["a/b"]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		read, _ := parseLedger(data)
		for tool, builds := range read {
			for _, name := range builds {
				want := build.Repository{Kind: build.OfImages, Tool: tool, Build: name}
				if got, ok := build.ParseRepository(want.Path()); !ok || got != want {
					t.Errorf("%q of tool %q is no build", name, tool)
				}
			}
		}
	})
}
