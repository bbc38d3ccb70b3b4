package build

import (
	"strings"
	"testing"
)

func TestRepositories(t *testing.T) {
	for _, kind := range []RepositoryKind{OfImages, OfCaches, OfLogs} {
		// A build may be called as a part of a path is.
		for _, name := range []string{"main", "logs", "cache", "tool-x"} {
			want := Repository{Kind: kind, Tool: "wiki-2", Build: name}
			if got, ok := ParseRepository(want.Path()); !ok || got != want {
				t.Errorf("%s: %+v, %v; want %+v", want.Path(), got, ok, want)
			}
		}
	}
	for _, path := range []string{
		"", "tool-wiki", "cache/tool-wiki", "tool-wiki/main/logs", "builders/bookworm", "toolforge/run", "tool-wiki/../main",
		"cache/tool-wiki/main/logs/x", "x/tool-wiki/main", "tool-/main", "tool-wiki/", "tool-Wiki/main",
	} {
		if got, ok := ParseRepository(path); ok {
			t.Errorf("%q is taken for %+v", path, got)
		}
	}
}

// What is recognised is what builds are named by.
func TestTagsAreRecognised(t *testing.T) {
	c, r := testConfig(), testRequest()
	r.Branch = "feature/ÄÖ!"
	own, fallback := c.caches(r)
	for _, reference := range []string{c.tag(r), own, fallback, c.logRepository(r.Tool, r.Name) + ":" + logTag(r.Inputs.Key(), 12)} {
		rest, _ := strings.CutPrefix(reference, c.Registry+"/")
		path, tag, _ := strings.Cut(rest, ":")
		repository, ok := ParseRepository(path)
		if !ok || !repository.Makes(tag) {
			t.Errorf("%s is not recognised: %+v", reference, repository)
		}
		if repository.Kind != OfCaches && KeyOf(tag) != r.Inputs.Key() {
			t.Errorf("the key of %s is %s", tag, KeyOf(tag))
		}
	}
	for _, stranger := range []string{"latest", "sha256-0123456789abcdef0123456789abcdef", "v1"} {
		for _, kind := range []RepositoryKind{OfImages, OfCaches, OfLogs} {
			if (Repository{kind, "wiki", "main"}).Makes(stranger) {
				t.Errorf("%s is taken for that of %s", stranger, kind)
			}
		}
	}
}
