package sources

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Entries change where the contents change, and only there.
func TestEntries(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	root := layeredTree(repo)
	s, err := newLocalClient(ClientOptions{}).Open(t.Context(), repo.at("main"), repo.commitTree(root))
	if err != nil {
		t.Fatal(err)
	}
	entries := func(dir string, most int, patterns ...string) map[string]string {
		found, err := s.Entries(dir, ignoring(t, patterns...), most)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	all := entries("", 6)
	want := []string{"README.md", "docs/", "lib", "link", "run", "toolforge.yaml"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(all))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, want := all["docs/"], repo.git("rev-parse", root+":docs")[:12]; got != want {
		t.Errorf("docs/ is %s, want %s", got, want)
	}
	some := entries("", 6, "*.md", "/lib", "/docs/only-x")
	if _, there := some["README.md"]; there || len(some) != 4 || some["docs/"] == all["docs/"] || some["run"] != all["run"] {
		t.Errorf("without what is ignored: %v", some)
	}
	if few := entries("", 5); few != nil {
		t.Errorf("more than there may be: %v", few)
	}
	if docs := entries("docs", 9); len(docs) != 4 {
		t.Errorf("docs: %v", docs)
	}
	if _, err := s.Entries("none", ignoring(t), 9); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a directory that is not there: %v", err)
	}
	if _, err := s.Entries("run", ignoring(t), 9); !errors.Is(err, ErrContent) {
		t.Errorf("of a file: %v", err)
	}
}
