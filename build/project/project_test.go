package project_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/toolforge/toolforged/build/project"
)

func TestParse(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       project.Descriptor
	}{
		{"0.2", `
[_]
schema-version = "0.2"
name = "a tool"
[io.buildpacks]
exclude = ["docs/", "*.md"]
[[io.buildpacks.build.env]]
name = "A"
value = "1"
[[io.buildpacks.build.env]]
name = "B"
value = ""
[com.heroku.buildpacks.deb-packages]
install = ["git"]
`, project.Descriptor{Exclude: []string{"docs/", "*.md"}, Env: map[string]string{"A": "1", "B": ""}}},
		{"0.1", `
[_]
schema-version = "0.1"
[project]
id = "tool"
[build]
include = ["src/"]
[[build.env]]
name = "A"
value = "1"
`, project.Descriptor{Include: []string{"src/"}, Env: map[string]string{"A": "1"}}},
		{"no version, as 0.1", `
[build]
include = ["src/"]
`, project.Descriptor{Include: []string{"src/"}, Env: map[string]string{}, Notes: []string{
			`project.toml: it does not say which schema it is in; write [_] and schema-version = "0.2"`}}},
		{"what has no effect", `
[_]
schema-version = "0.2"
[io.buildpacks]
builder = "some/builder"
color = "red"
[[io.buildpacks.group]]
id = "x/y"
[build]
include = ["src"]
[surprise]
a = 1
`, project.Descriptor{Env: map[string]string{}, Notes: []string{
			"project.toml:9: [build] has no effect in a file of this schema: write [io.buildpacks]",
			"project.toml:5: `builder` has no effect: it is `builder`, under `build`, in toolforge.yaml",
			"project.toml:6: `color` has no effect: it is not known here",
			"project.toml:7: `group` has no effect: the languages are `stack` in toolforge.yaml",
			"project.toml:11: `surprise` has no effect: it is not known here",
		}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := project.Parse([]byte(test.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestMistakes(t *testing.T) {
	const version = "[_]\nschema-version = \"0.2\"\n"
	for _, test := range []struct{ text, want string }{
		{"a = = 1", "project.toml:1: it is not valid TOML: "},
		{"[_]\nschema-version = \"9\"", `project.toml:2: the schema versions "0.1" and "0.2" are known`},
		{version + "[io.buildpacks]\ninclude = 7", "project.toml:4: `include` must be a list"},
		{version + "[io.buildpacks]\nexclude = [7]", "project.toml:4: `exclude` must be a list"},
		{version + "[io.buildpacks]\ninclude = [\"a\"]\nexclude = [\"b\"]", "project.toml:5: `include` and `exclude` cannot be used together"},
		{version + "[[io.buildpacks.build.env]]\nname=\"A\"\nvalue=\"1\"\n[[io.buildpacks.build.env]]\nname=\"../x\"", "project.toml:6: each variable needs a `name`"},
		{version + "[[io.buildpacks.build.env]]\nname=\"A\"", "project.toml:3: the variable A needs a `value`"},
		{version + "[[io.buildpacks.build.env]]\nname=\"CNB_X\"\nvalue=\"\"", "project.toml:3: `CNB_X` is the platform's"},
		{version + "[io.buildpacks.build]\nenv = [{name=\"A\", value=\"1\"}, {name=\"A\", value=\"1\"}]", "project.toml:4: the variable A is there twice"},
		{version + "[io.buildpacks.build]\nenv = \"A\"", "project.toml:4: each variable needs a `name`"},
		{strings.Repeat("# long\n", 10_000), "project.toml: it is larger than"},
	} {
		_, err := project.Parse([]byte(test.text))
		var mistake *project.Mistake
		if !errors.As(err, &mistake) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%.200s\nerror %v, want %s", test.text, err, test.want)
		}
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	if d, err := project.Read(dir); d != nil || err != nil {
		t.Errorf("without a file: %v, %v", d, err)
	}
	if removed, err := (*project.Descriptor)(nil).Apply(dir); removed != 0 || err != nil {
		t.Errorf("without a file: %d, %v", removed, err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(dir, project.Name)); err != nil {
		t.Fatal(err)
	}
	var mistake *project.Mistake
	if _, err := project.Read(dir); !errors.As(err, &mistake) {
		t.Errorf("a link: %v", err)
	}
}

func TestApply(t *testing.T) {
	files := []string{"project.toml", "a.md", "src/a.go", "src/deep/b.md", "docs/x/y.txt", "docs/keep.txt", "web/docs/z.txt"}
	for _, test := range []struct {
		name string
		d    project.Descriptor
		want []string
	}{
		{"nothing", project.Descriptor{}, files},
		{"exclude", project.Descriptor{Exclude: []string{"/docs/", "*.md"}}, []string{"project.toml", "src/a.go", "web/docs/z.txt"}},
		{"exclude, but", project.Descriptor{Exclude: []string{"docs/*", "!docs/keep.txt"}},
			[]string{"a.md", "docs/keep.txt", "project.toml", "src/a.go", "src/deep/b.md", "web/docs/z.txt"}},
		{"include", project.Descriptor{Include: []string{"src/"}}, []string{"project.toml", "src/a.go", "src/deep/b.md"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			for _, name := range append(files, "../"+filepath.Base(outside)+"/x.md") {
				if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink(outside, filepath.Join(dir, "src", "link")); err != nil {
				t.Fatal(err)
			}
			if _, err := test.d.Apply(dir); err != nil {
				t.Fatal(err)
			}
			var got []string
			err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
				if err == nil && entry.Type().IsRegular() {
					name, err = filepath.Rel(dir, name)
					got = append(got, name)
				} else if err == nil && entry.IsDir() {
					if entries, _ := os.ReadDir(name); len(entries) == 0 {
						t.Errorf("%s is empty", name)
					}
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			want := slices.Sorted(slices.Values(test.want))
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if _, err := os.Stat(filepath.Join(outside, "x.md")); err != nil {
				t.Errorf("a file outside: %v", err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nexclude = [\"docs/\", \"*.md\"]\n[[io.buildpacks.build.env]]\nname = \"A\"\nvalue = \"1\"\n",
		"[build]\ninclude = ['[', '!', '**/a/**']\n[[build.env]]\nname = 'A'\nvalue = '\\u0000'",
		"io.buildpacks.build.env = [1, {name = 'x'}]", "[[io]]", "[io]\nbuildpacks = 3", "_ = 1", "[\"_\"]\n", "a.b.c = 1\n[a.b]", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := project.Parse(data)
		var mistake *project.Mistake
		if err != nil {
			if !errors.As(err, &mistake) || mistake.Line < 0 || mistake.Line > strings.Count(string(data), "\n")+1 {
				t.Fatalf("error %v", err)
			}
			return
		}
		for name := range d.Env {
			if strings.ContainsAny(name, "/\x00.") {
				t.Errorf("variable %q", name)
			}
		}
		if _, err := d.Apply(t.TempDir()); err != nil {
			t.Error(err)
		}
	})
}
