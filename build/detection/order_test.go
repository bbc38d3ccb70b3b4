package detection_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/build/detection"
)

var catalogue = detection.Catalogue{
	Builder: "bookworm",
	Known: []detection.Buildpack{{ID: "t/apt", Version: "1"}, {ID: "t/go", Version: "2"}, {ID: "t/node", Version: "3"},
		{ID: "t/python", Version: "4"}, {ID: "t/procfile", Version: "5"}},
	Languages: []detection.Language{
		{Name: "go", Buildpacks: []string{"t/go"}},
		{Name: "python", Buildpacks: []string{"t/python"}},
		{Name: "nodejs", Buildpacks: []string{"t/node"}},
		{Name: "procfile", Buildpacks: []string{"t/procfile"}},
	},
	Before: []string{"t/apt"},
	After:  []string{"t/procfile"},
}

func TestNamed(t *testing.T) {
	for _, test := range []struct {
		name  string
		stack string
		want  string
		err   string
	}{
		{"one", "python", "t/apt@1? t/python@4 t/procfile@5?", ""},
		{"several, in their order", "nodejs python", "t/apt@1? t/node@3 t/python@4 t/procfile@5?", ""},
		{"the other way round", "python nodejs", "t/apt@1? t/python@4 t/node@3 t/procfile@5?", ""},
		{"twice", "python python", "t/apt@1? t/python@4 t/procfile@5?", ""},
		{"one that is in every build anyway", "procfile", "t/apt@1? t/procfile@5", ""},
		{"unknown", "cobol", "", `there is no language "cobol"; builder bookworm has: go, python, nodejs, procfile`},
	} {
		t.Run(test.name, func(t *testing.T) {
			order, err := catalogue.Named(strings.Fields(test.stack))
			if got := short(order); got != test.want || text(err) != test.err {
				t.Errorf("got %q, %v; want %q, %q", got, err, test.want, test.err)
			}
		})
	}
}

func TestDetected(t *testing.T) {
	order, err := catalogue.Detected()
	want := "t/apt@1? t/go@2 t/procfile@5? | t/apt@1? t/python@4 t/procfile@5? | t/apt@1? t/node@3 t/procfile@5? | t/apt@1? t/procfile@5"
	if got := short(order); got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	if order, err := (detection.Catalogue{Known: catalogue.Known, After: catalogue.After}).Detected(); order != "" || err != nil {
		t.Errorf("without languages: %q, %v; want the builder's own", order, err)
	}
}

func TestLacking(t *testing.T) {
	c := catalogue
	c.Before = []string{"t/gone"}
	for name, order := range map[string]func() (string, error){
		"named":    func() (string, error) { return c.Named([]string{"go"}) },
		"detected": c.Detected,
	} {
		if _, err := order(); text(err) != `the builder has no buildpack "t/gone"` {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestLanguagesOf(t *testing.T) {
	got := catalogue.LanguagesOf([]string{"t/apt", "t/node", "t/python"})
	if diff := cmp.Diff([]string{"python", "nodejs"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// short is an order in a line: ID@VERSION, with ? where optional, | between groups.
func short(order string) string {
	var groups []string
	for _, group := range strings.Split(order, "[[order]]\n") {
		var entries []string
		for _, entry := range strings.Split(group, "[[order.group]]\n") {
			fields := map[string]string{}
			for _, line := range strings.Split(entry, "\n") {
				key, value, _ := strings.Cut(line, " = ")
				fields[key] = strings.Trim(value, `"`)
			}
			if fields["id"] == "" {
				continue
			}
			text := fields["id"] + "@" + fields["version"]
			if fields["optional"] == "true" {
				text += "?"
			}
			entries = append(entries, text)
		}
		if len(entries) > 0 {
			groups = append(groups, strings.Join(entries, " "))
		}
	}
	return strings.Join(groups, " | ")
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
