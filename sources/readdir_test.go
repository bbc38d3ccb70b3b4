package sources

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// yamlFiles are what most callers want.
func yamlFiles(name string) bool { return strings.HasSuffix(name, ".yaml") }

// openMain opens the commit of main.
func openMain(t testing.TB, repo *testRepo) *Snapshot {
	t.Helper()
	s, err := newLocalClient(ClientOptions{}).Open(t.Context(), repo.at("main"), repo.git("rev-parse", "main"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestReadDir(t *testing.T) {
	for _, kind := range servers {
		t.Run(kind.name, func(t *testing.T) {
			server := newGitServer(t, kind.wraps...)
			repo := server.create(t, "tool")
			if kind.filter {
				repo.git("config", "uploadpack.allowFilter", "true")
			}
			repo.commit(map[string]string{
				"k8s/b.yaml": "b", "k8s/a/z.yaml": "z", "k8s/a.yaml": "b", "k8s/a/deep/er/x.yaml": strings.Repeat("line\n", 1000),
				"k8s/a/deep/er/y.yaml": strings.Repeat("line\n", 1000) + "more\n", "k8s/empty.yaml": "", "k8s/README": strings.Repeat("no", 1000), "other.yaml": "no",
			})
			s := openMain(t, repo)
			server.asked()
			files, err := s.ReadDir(t.Context(), "./k8s/", ReadDirOptions{Wanted: yamlFiles})
			if err != nil {
				t.Fatal(err)
			}
			want := "k8s/a.yaml:1 k8s/a/deep/er/x.yaml:5000 k8s/a/deep/er/y.yaml:5005 k8s/a/z.yaml:1 k8s/b.yaml:1 k8s/empty.yaml:0 "
			if got := describeFiles(files); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			if string(files[0].Data) != "b" || string(files[3].Data) != "z" {
				t.Errorf("got %q", files)
			}
			if asked := server.asked(); kind.name == "with filters" && len(asked) != 1 {
				t.Errorf("asked %q", asked)
			}
			if !s.complete && len(s.store.(memoryStore)) != 6+5 {
				t.Errorf("%d objects are kept", len(s.store.(memoryStore)))
			}
			testReadDirErrors(t, s)
		})
	}
}

func describeFiles(files []File) string {
	var out strings.Builder
	for _, f := range files {
		fmt.Fprintf(&out, "%s:%d ", f.Path, len(f.Data))
	}
	return out.String()
}

func testReadDirErrors(t *testing.T, s *Snapshot) {
	for _, test := range []struct {
		dir  string
		opts ReadDirOptions
		want error
		text string
	}{
		{"nowhere", ReadDirOptions{}, fs.ErrNotExist, `"nowhere"`},
		{"other.yaml", ReadDirOptions{}, ErrContent, "a file, not a directory"},
		{"../k8s", ReadDirOptions{}, ErrInvalid, `".."`},
		{"/k8s", ReadDirOptions{}, ErrInvalid, "relative"},
		{"k8s", ReadDirOptions{MaxFiles: 6}, ErrTooLarge, "more than 6 files"},
		{"k8s", ReadDirOptions{MaxFile: 5000}, ErrTooLarge, `"k8s/a/deep/er/y.yaml"`},
		{"k8s", ReadDirOptions{MaxBytes: 4096}, ErrTooLarge, `under "k8s" in commit`},
		{"k8s", ReadDirOptions{MaxBytes: 10_000, Wanted: yamlFiles}, ErrTooLarge, "larger than 10000 bytes in all"},
	} {
		if _, err := s.ReadDir(t.Context(), test.dir, test.opts); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s %+v: got %v", test.dir, test.opts, err)
		}
	}
	if files, err := s.ReadDir(t.Context(), "k8s", ReadDirOptions{Wanted: func(string) bool { return false }}); err != nil || len(files) > 0 {
		t.Errorf("got %q, %v", files, err)
	}
}

// What is too large is found out before it is held, when the files come alone.
func TestReadDirTooLarge(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	repo.commit(map[string]string{"a/x.yaml": strings.Repeat("x", 1<<20+1), "b/x.yaml": strings.Repeat("x", 20<<20), "b/y.yaml": "y"})
	for _, test := range []struct{ dir, want string }{
		{"a", `"a/x.yaml" in commit`},
		{"b", `the files to read under "b" in commit`},
	} {
		s := openMain(t, repo)
		_, err := s.ReadDir(t.Context(), test.dir, ReadDirOptions{Wanted: yamlFiles})
		if !errors.Is(err, ErrTooLarge) || !Mendable(err) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v", test.dir, err)
		}
	}
}

func TestReadDirRefuses(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	file, link := repo.blob("content"), repo.blob("/etc/passwd")
	for _, test := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"a link", []entry{{"120000", "x.yaml", link}}, `"k8s/x.yaml" in commit`},
		{"a submodule", []entry{{"160000", "x.yaml", strings.Repeat("1", 40)}}, "a submodule, not a regular file"},
		{"a name that leads elsewhere", []entry{{"100644", "../x.yaml", file}}, "leads elsewhere"},
		{"a directory that leads elsewhere", []entry{{"40000", "..", repo.tree(entry{"100644", "x.yaml", file})}}, "leads elsewhere"},
		{"a name of git's", []entry{{"40000", ".git", repo.tree(entry{"100644", "x.yaml", file})}}, "reserved"},
		{"a long name", []entry{{"100644", strings.Repeat("x", 256) + ".yaml", file}}, "more than 255 bytes"},
		{"a file twice", []entry{{"100644", "x.yaml", file}, {"100755", "x.yaml", file}}, "twice"},
		{"an unknown kind", []entry{{"140000", "x.yaml", file}}, "unknown kind"},
	} {
		t.Run(test.name, func(t *testing.T) {
			repo.t = t
			repo.commitTree(repo.tree(entry{"40000", "k8s", repo.tree(test.entries...)}))
			_, err := openMain(t, repo).ReadDir(t.Context(), "k8s", ReadDirOptions{Wanted: yamlFiles})
			if !errors.Is(err, ErrContent) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	repo.commitTree(repo.tree(entry{"120000", "dir", link}, entry{"120000", "x", link}, entry{"100755", "x.yaml", file}))
	if files, err := openMain(t, repo).ReadDir(t.Context(), "", ReadDirOptions{Wanted: yamlFiles}); err != nil || describeFiles(files) != "x.yaml:7 " {
		t.Errorf("links of other names: %q, %v", files, err)
	}
}

// A hostile tree ends in a bounded time, and the same file many times in bounded memory.
func TestReadDirIsBounded(t *testing.T) {
	bomb, deep := memoryStore{}, memoryStore{}
	id := memoryTree(t, bomb, entry{"100644", "x", someBlob}, entry{"100644", "y", someBlob})
	for range 60 {
		id = memoryTree(t, bomb, entry{"40000", "a", id}, entry{"40000", "b", id})
	}
	_, err := memorySnapshot(bomb, id).ReadDir(t.Context(), "", ReadDirOptions{Wanted: yamlFiles})
	if !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "more than 2000000 files and directories") {
		t.Errorf("2^60 files: %v", err)
	}
	id = memoryTree(t, deep, entry{"100644", "x", someBlob})
	for range 100_000 {
		id = memoryTree(t, deep, entry{"40000", "a", id})
	}
	if _, err = memorySnapshot(deep, id).ReadDir(t.Context(), "", ReadDirOptions{}); !errors.Is(err, ErrContent) {
		t.Errorf("100,000 directories: %v", err)
	}

	repo := newGitServer(t).create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	file := repo.blob(strings.Repeat("x", 1<<19))
	var many []entry
	for i := range 50 {
		many = append(many, entry{"100644", fmt.Sprintf("%02d.yaml", i), file})
	}
	repo.commitTree(repo.tree(many...))
	if _, err := openMain(t, repo).ReadDir(t.Context(), "", ReadDirOptions{}); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "8 MiB in all") {
		t.Errorf("one file 50 times: %v", err)
	}
	files, err := openMain(t, repo).ReadDir(t.Context(), "", ReadDirOptions{MaxBytes: 25 << 20})
	if err != nil || len(files) != 50 || slices.ContainsFunc(files, func(f File) bool { return len(f.Data) != 1<<19 }) {
		t.Errorf("one file 50 times: %d files, %v", len(files), err)
	}
}

// A server cannot send more than what it was asked for.
func TestReadDirOfAHostileServer(t *testing.T) {
	repo := newGitServer(t, func(git http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body := readAll(r); strings.Contains(body, "command=fetch") && !strings.Contains(body, "deepen 1") {
				w.Header().Set("Content-Type", typeResult)
				fmt.Fprint(w, packets("packfile"))
				sent := pack(packObject(3, 4, "", []byte("base")), packObject(3, 4, "", []byte("more")))
				fmt.Fprintf(w, "%04x\x01%s0000", len(sent)+5, sent)
				return
			}
			git.ServeHTTP(w, r)
		})
	}).create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	repo.commit(map[string]string{"x.yaml": "x"})
	if _, err := openMain(t, repo).ReadDir(t.Context(), "", ReadDirOptions{}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("another file too: %v", err)
	}
	repo.commit(map[string]string{"y.yaml": "y"})
	if _, err := openMain(t, repo).ReadDir(t.Context(), "", ReadDirOptions{}); !errors.Is(err, ErrProtocol) {
		t.Errorf("other files: %v", err)
	}
}
