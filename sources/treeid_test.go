package sources

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// The id is the one that git writes after removing what it says is ignored.
func TestTreeIDIsGits(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	root := layeredTree(repo)
	commit := repo.commitTree(root)
	s, err := newLocalClient(ClientOptions{}).Open(t.Context(), repo.at("main"), commit)
	if err != nil {
		t.Fatal(err)
	}
	server.asked()
	if err := os.Mkdir(filepath.Join(repo.dir, "lib"), 0o755); err != nil { // as the submodule of a work tree
		t.Fatal(err)
	}
	for _, patterns := range [][]string{
		nil, {"nothing", "no/thing/**"}, {"/toolforge.yaml"}, {"toolforge.yaml"}, {"*.md", "docs/**"}, {"docs"}, {"*"}, {"**/x"}, {"lib/"}, {"lib"},
		{"link"}, {"link/"}, {"run"}, {"docs/**/x", "lib"}, {"/docs/*", "/run", "/lib/", "/link", "toolforge.yaml", "README.md"}, {"x", "*.md"},
	} {
		got, err := s.TreeID("", ignoring(t, patterns...))
		if want := withoutIgnored(repo, root, patterns); err != nil || got != want {
			t.Errorf("without %q: %s, %v; want %s", patterns, got, err, want)
		}
		got, err = s.TreeID("docs", ignoring(t, patterns...))
		if want := withoutIgnored(repo, repo.git("rev-parse", root+":docs"), patterns); err != nil || got != want {
			t.Errorf("docs without %q: %s, %v; want %s", patterns, got, err, want)
		}
	}
	if asked := server.asked(); len(asked) > 0 {
		t.Errorf("asked %q", asked)
	}
}

// layeredTree has directories, an executable file, a link and a submodule.
func layeredTree(r *testRepo) string {
	file := func(name string) entry { return entry{"100644", name, r.blob(name)} }
	deep := r.tree(file("b.md"), file("x"))
	docs := r.tree(file("README.md"), entry{"40000", "deep", deep}, entry{"40000", "only-x", r.tree(file("x"))}, file("toolforge.yaml"))
	return r.tree(file("README.md"), entry{"40000", "docs", docs}, entry{"160000", "lib", strings.Repeat("3", 40)},
		entry{"120000", "link", r.blob("docs")}, entry{"100755", "run", r.blob("run")}, file("toolforge.yaml"))
}

// withoutIgnored has git itself leave out what it says matches the patterns.
func withoutIgnored(r *testRepo, tree string, patterns []string) string {
	r.t.Helper()
	index := r.git("ls-tree", "-r", "-z", tree)
	ignored := gitIgnored(r, patterns, index)
	r.gitWith(strings.Join(ignored, "\x00"), "update-index", "--force-remove", "-z", "--stdin")
	return r.git("write-tree", "--missing-ok")
}

// memoryTree puts a tree of those entries, in pairs of mode and name with ids, into a store.
func memoryTree(t testing.TB, store memoryStore, entries ...entry) string {
	t.Helper()
	data := rawTree(entries...)
	id, err := store.put(plumbing.TreeObject, int64(len(data)), func(w io.Writer) error {
		_, err := io.WriteString(w, data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// memorySnapshot is a commit of a tree of that store.
func memorySnapshot(store memoryStore, root string) *Snapshot {
	return &Snapshot{repo: Repository{URL: url1}, store: store, root: plumbing.NewHash(root)}
}

var someBlob = strings.Repeat("2", 40)

// Only the directories that a pattern can reach are read: the others are not even there.
func TestTreeIDReadsWhatPatternsReach(t *testing.T) {
	store := memoryStore{}
	absent := strings.Repeat("4", 40)
	docs := memoryTree(t, store, entry{"100644", "a", someBlob}, entry{"40000", "deep", absent})
	s := memorySnapshot(store, memoryTree(t, store, entry{"40000", "docs", docs}, entry{"40000", "src", absent}))
	for _, patterns := range [][]string{nil, {"/docs/a"}, {"docs/*"}, {"/docs"}, {"/docs/deep/", "/src/"}} {
		if _, err := s.TreeID("", ignoring(t, patterns...)); err != nil {
			t.Errorf("%q: %v", patterns, err)
		}
	}
	if _, err := s.TreeID("", ignoring(t, "src/x")); !errors.Is(err, ErrContent) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// A tree of 2^60 files, made of 60 small ones, is read once.
func TestTreeIDOfABomb(t *testing.T) {
	store := memoryStore{}
	id, want := memoryTree(t, store, entry{"100644", "x", someBlob}, entry{"100644", "y", someBlob}), ""
	other := memoryStore{}
	want = memoryTree(t, other, entry{"100644", "y", someBlob})
	for range 60 {
		id = memoryTree(t, store, entry{"40000", "a", id}, entry{"40000", "b", id})
		want = memoryTree(t, other, entry{"40000", "a", want}, entry{"40000", "b", want})
	}
	if got, err := memorySnapshot(store, id).TreeID("", ignoring(t, "x", "**/z/**", "/a/b/**/q")); err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// Whatever the tree and the patterns, the work is bounded.
func TestTreeIDIsBounded(t *testing.T) {
	deep, wide, long := memoryStore{}, memoryStore{}, memoryStore{}
	bottom := memoryTree(t, deep, entry{"100644", "x", someBlob})
	for range 100_000 {
		bottom = memoryTree(t, deep, entry{"40000", "a", bottom})
	}
	row := make([]entry, maxEntries/2+1)
	for i := range row {
		row[i] = entry{"100644", fmt.Sprintf("%07d", i), someBlob}
	}
	half := memoryTree(t, wide, row...)
	row[0].name = "another"
	whole := memoryTree(t, wide, entry{"40000", "a", half}, entry{"40000", "b", memoryTree(t, wide, row...)})
	names := make([]entry, 2000)
	for i := range names {
		names[i] = entry{"100644", fmt.Sprintf("%0240d", i), someBlob}
	}
	costly := []string{"*" + strings.Repeat("0", 1000) + "b"}
	starred := slices.Repeat([]string{strings.Repeat("**/*/", 24) + "b"}, maxPatterns)
	for _, test := range []struct {
		name     string
		snapshot *Snapshot
		patterns []string
	}{
		{"deep", memorySnapshot(deep, bottom), []string{"x"}},
		{"deep, with many patterns", memorySnapshot(deep, bottom), starred},
		{"wide", memorySnapshot(wide, whole), []string{"x"}},
		{"long names, with a costly pattern", memorySnapshot(long, memoryTree(t, long, names...)), costly},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			_, err := test.snapshot.TreeID("", ignoring(t, test.patterns...))
			if !errors.Is(err, ErrTooLarge) || !Mendable(err) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
