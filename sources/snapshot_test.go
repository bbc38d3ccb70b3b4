package sources

import (
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// servers are the kinds of server that reading a commit must work with.
var servers = []struct {
	name   string
	filter bool
	wraps  []func(http.Handler) http.Handler
}{
	{"with filters", true, nil},
	{"without filters", false, nil},
	{"refusing single blobs", true, []func(http.Handler) http.Handler{refuseBlobs}},
}

// refuseBlobs refuses fetches that are not of a commit at depth 1, as some servers do for what no ref leads to.
func refuseBlobs(git http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := readAll(r)
		if strings.Contains(body, "command=fetch") && !strings.Contains(body, "deepen 1") {
			w.Header().Set("Content-Type", typeResult)
			_, _ = w.Write([]byte("0022ERR upload-pack: not our ref x"))
			return
		}
		git.ServeHTTP(w, r)
	})
}

func TestSnapshot(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			server := newGitServer(t, kind.wraps...)
			repo := server.create(t, "tool")
			if kind.filter {
				repo.git("config", "uploadpack.allowFilter", "true")
			}
			commit := repo.commit(map[string]string{
				"toolforge.yaml": "stack: python\n",
				"src/app.py":     "print()\n",
				"src/deep/er/x":  strings.Repeat("x", 100_000),
				"empty":          "",
			})
			repo.commit(map[string]string{"later": "1"}) // the commit need not be the ref's own
			s, err := newLocalClient(ClientOptions{}).Open(t.Context(), repo.at("main"), commit)
			if err != nil {
				t.Fatal(err)
			}
			if s.Commit() != commit {
				t.Errorf("Commit() = %q, want %q", s.Commit(), commit)
			}
			testTreeIDs(t, repo, s, commit)
			testReadFile(t, s)
		})
	}
}

func testTreeIDs(t *testing.T, repo *testRepo, s *Snapshot, commit string) {
	for dir, path := range map[string]string{"": "", ".": "", "src": "src", "./src/deep/": "src/deep"} {
		want := repo.git("rev-parse", commit+":"+path)
		if got, err := s.TreeID(dir, Ignore{}); err != nil || got != want {
			t.Errorf("TreeID(%q) = %q, %v; want %q", dir, got, err, want)
		}
	}
	lines := slices.DeleteFunc(strings.Split(repo.git("ls-tree", commit), "\n"), func(line string) bool {
		return strings.HasSuffix(line, "\ttoolforge.yaml")
	})
	want := repo.gitWith(strings.Join(lines, "\n")+"\n", "mktree")
	if got, err := s.TreeID("", ignoring(t, "/toolforge.yaml", "not there")); err != nil || got != want {
		t.Errorf("TreeID without the manifest = %q, %v; want %q", got, err, want)
	}
	if _, err := s.TreeID("nowhere", Ignore{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("TreeID of what is not there: %v", err)
	}
	if _, err := s.TreeID("empty", Ignore{}); !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), "a file, not a directory") {
		t.Errorf("TreeID of a file: %v", err)
	}
	if _, err := s.TreeID("src/../src", Ignore{}); !errors.Is(err, ErrInvalid) {
		t.Errorf("TreeID with ..: %v", err)
	}
}

func testReadFile(t *testing.T, s *Snapshot) {
	for _, test := range []struct {
		path, want string
		err        error
	}{
		{path: "toolforge.yaml", want: "stack: python\n"},
		{path: "src/app.py", want: "print()\n"},
		{path: "empty"},
		{path: "src", err: ErrContent},
		{path: "no", err: fs.ErrNotExist},
		{path: "toolforge.yaml/no", err: fs.ErrNotExist},
		{path: "src/deep/er/x", err: ErrTooLarge},
		{path: "/src/app.py", err: ErrInvalid},
	} {
		data, err := s.ReadFile(t.Context(), test.path, 1000)
		if !errors.Is(err, test.err) || string(data) != test.want {
			t.Errorf("ReadFile(%q) = %q, %v; want %q, %v", test.path, data, err, test.want, test.err)
		}
	}
}

// With filters, one file costs two fetches, and no other file is sent.
func TestOpenFetchesNoFiles(t *testing.T) {
	server := newGitServer(t)
	repo := server.create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	commit := repo.commit(map[string]string{"toolforge.yaml": "a", "large": strings.Repeat("incompressible?", 1000)})
	client := newLocalClient(ClientOptions{})
	for _, want := range [][]string{
		{"GET /tool/info/refs", "POST /tool/git-upload-pack", "POST /tool/git-upload-pack"},
		{"POST /tool/git-upload-pack", "POST /tool/git-upload-pack"},
	} {
		s, err := client.Open(t.Context(), repo.at("main"), commit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.ReadFile(t.Context(), "toolforge.yaml", 10); err != nil {
			t.Fatal(err)
		}
		if n := len(s.store.(memoryStore)); n != 3 {
			t.Errorf("%d objects are kept, want commit, tree and one file", n)
		}
		if asked := server.asked(); !slices.Equal(asked, want) {
			t.Errorf("asked %q, want %q", asked, want)
		}
	}
}

func TestReadFileRefusesLinks(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	if err := os.Symlink("/etc/passwd", filepath.Join(repo.dir, "toolforge.yaml")); err != nil {
		t.Fatal(err)
	}
	commit := repo.commit(nil)
	s, err := newLocalClient(ClientOptions{}).Open(t.Context(), repo.at("main"), commit)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.ReadFile(t.Context(), "toolforge.yaml", 1000)
	if !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), "symbolic link, not a regular file") {
		t.Errorf("got %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	commit := repo.commit(map[string]string{"dir/file": "content", "other": "more"})
	repo.git("tag", "-a", "-m", "x", "annotated")
	tag := repo.git("rev-parse", "annotated")
	for _, test := range []struct {
		name, commit string
		opts         ClientOptions
		want         error
	}{
		{"unknown commit", strings.Repeat("1", 40), ClientOptions{}, ErrNoCommit},
		{"short id", commit[:10], ClientOptions{}, ErrInvalid},
		{"tag object", tag, ClientOptions{}, ErrNoCommit},
		{"too many objects", commit, ClientOptions{MaxObjects: 2}, ErrTooLarge},
		{"too many bytes", commit, ClientOptions{MaxUnpacked: 20}, ErrTooLarge},
		{"too large an answer", commit, ClientOptions{MaxPack: 100}, ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := newLocalClient(test.opts).Open(t.Context(), repo.at("main"), test.commit)
			if !errors.Is(err, test.want) || !Mendable(err) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// Without filters all files are sent; when that is too much, the message says why.
func TestOpenTooLargeWithoutFilters(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	commit := repo.commit(map[string]string{"toolforge.yaml": "a", "large": strings.Repeat("x", 2<<20)})
	client := newLocalClient(ClientOptions{MaxUnpacked: 1 << 20})
	_, err := client.Open(t.Context(), repo.at("main"), commit)
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "larger than 1 MiB; all files are sent") {
		t.Errorf("got %v", err)
	}
	repo.git("config", "uploadpack.allowFilter", "true")
	if _, err := client.Open(t.Context(), repo.at("main"), commit); err != nil {
		t.Error(err)
	}
}

// Deltas of trees and blobs, as a packed repository sends them.
func TestOpenPackedRepository(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	files := map[string]string{}
	for i := range 300 {
		name := "file-" + strings.Repeat("n", i%7) + string(rune('a'+i%26)) + strings.Repeat("z", i/26)
		files["a/"+name] = strings.Repeat("some line\n", 200) + name
		files["b/"+name] = strings.Repeat("some line\n", 200) + name
	}
	files["b/one more"] = "x"
	commit := repo.commit(files)
	repo.git("repack", "-q", "-a", "-d", "-f", "--window=50")
	s, err := newLocalClient(ClientOptions{}).Open(t.Context(), repo.at("main"), commit)
	if err != nil {
		t.Fatal(err)
	}
	if !s.complete {
		t.Fatal("the server should offer no filter here")
	}
	for name, want := range files {
		if got, err := s.ReadFile(t.Context(), name, 10_000); err != nil || string(got) != want {
			t.Fatalf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}
