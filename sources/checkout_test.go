package sources

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// written lists what is under dir: "mode content" by path.
func written(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch {
		case d.IsDir():
			found[name] = info.Mode().String()
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(path)
			found[name] = "-> " + target
			return err
		default:
			data, err := os.ReadFile(path)
			found[name] = info.Mode().String() + " " + string(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func sampleRepo(t *testing.T, server *gitServer) (*testRepo, string) {
	t.Helper()
	repo := server.create(t, "tool")
	for _, link := range [][2]string{{"../run", "app/lib/up"}, {"nowhere", "dangling"}} {
		if err := os.MkdirAll(filepath.Join(repo.dir, filepath.Dir(link[1])), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(link[0], filepath.Join(repo.dir, link[1])); err != nil {
			t.Fatal(err)
		}
	}
	repo.commit(map[string]string{"toolforge.yaml": "m", "app/run": "#!", "app/toolforge.yaml": "inner", "app/lib/same": "#!", "empty": "", "odd \n\xff": "o"})
	repo.git("update-index", "--chmod=+x", "app/run")
	repo.git("commit", "-q", "-m", "x")
	return repo, repo.git("rev-parse", "HEAD")
}

func TestCheckout(t *testing.T) {
	everything := map[string]string{
		"toolforge.yaml": "-rw-r--r-- m", "empty": "-rw-r--r-- ", "odd \n\xff": "-rw-r--r-- o", "dangling": "-> nowhere",
		"app": "drwxr-xr-x", "app/run": "-rwxr-xr-x #!", "app/toolforge.yaml": "-rw-r--r-- inner",
		"app/lib": "drwxr-xr-x", "app/lib/same": "-rw-r--r-- #!", "app/lib/up": "-> ../run",
	}
	without := map[string]string{}
	for name, value := range everything {
		if name != "toolforge.yaml" {
			without[name] = value
		}
	}
	app := map[string]string{
		"run": "-rwxr-xr-x #!", "lib": "drwxr-xr-x", "lib/same": "-rw-r--r-- #!", "lib/up": "-> ../run",
		"toolforge.yaml": "-rw-r--r-- inner",
	}
	for _, kind := range servers {
		server := newGitServer(t, kind.wraps...)
		repo, commit := sampleRepo(t, server)
		if kind.filter {
			repo.git("config", "uploadpack.allowFilter", "true")
		}
		for _, test := range []struct {
			name  string
			opts  CheckoutOptions
			want  map[string]string
			files int
		}{
			{"everything", CheckoutOptions{}, everything, 8},
			{"without the manifest", CheckoutOptions{Except: []string{"toolforge.yaml"}}, without, 7},
			{"a directory", CheckoutOptions{Path: "./app/"}, app, 4},
		} {
			t.Run(kind.name+"/"+test.name, func(t *testing.T) {
				dir := t.TempDir()
				test.opts.TempDir = t.TempDir()
				for range 2 { // again, as after a container that was killed
					done, err := newLocalClient(ClientOptions{}).Checkout(t.Context(), repo.at("main"), commit, dir, test.opts)
					if err != nil || done.Files != test.files {
						t.Fatalf("%+v, %v", done, err)
					}
				}
				if diff := cmp.Diff(test.want, written(t, dir)); diff != "" {
					t.Error(diff)
				}
				if left := written(t, test.opts.TempDir); len(left) != 0 {
					t.Errorf("left behind: %v", left)
				}
			})
		}
	}
}

func TestCheckoutFetchesOnlyThePath(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	commit := repo.commit(map[string]string{"app/x": "small", "huge": strings.Repeat("x", 1<<20)})
	_, err := newLocalClient(ClientOptions{}).Checkout(t.Context(), repo.at("main"), commit, t.TempDir(), CheckoutOptions{Path: "app", MaxBytes: 10, TempDir: t.TempDir()})
	if err != nil {
		t.Error(err)
	}
}

func TestCheckoutSubmodule(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	commit := repo.commitTree(repo.tree(entry{"160000", "module", strings.Repeat("1", 40)}, entry{"100644", "x", repo.blob("x")}))
	dir := t.TempDir()
	done, err := newLocalClient(ClientOptions{}).Checkout(t.Context(), repo.at("main"), commit, dir, CheckoutOptions{TempDir: t.TempDir()})
	if err != nil || !slices.Equal(done.Submodules, []string{"module"}) {
		t.Fatalf("%+v, %v", done, err)
	}
	want := map[string]string{"module": "drwxr-xr-x", "x": "-rw-r--r-- x"}
	if diff := cmp.Diff(want, written(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestCheckoutErrors(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	commit := repo.commit(map[string]string{"file": "content", "dir/other": "content"})
	for _, test := range []struct {
		name, commit string
		opts         CheckoutOptions
		want         error
	}{
		{"no such path", commit, CheckoutOptions{Path: "nowhere"}, fs.ErrNotExist},
		{"path of a file", commit, CheckoutOptions{Path: "file"}, ErrContent},
		{"path that leads out", commit, CheckoutOptions{Path: "../x"}, ErrInvalid},
		{"no such commit", strings.Repeat("1", 40), CheckoutOptions{}, ErrNoCommit},
		{"same file too often", commit, CheckoutOptions{MaxBytes: 13}, ErrTooLarge},
		{"a large file", commit, CheckoutOptions{MaxBytes: 3}, ErrTooLarge},
		{"too many files", commit, CheckoutOptions{MaxFiles: 2}, ErrTooLarge},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.opts.TempDir = t.TempDir()
			_, err := newLocalClient(ClientOptions{}).Checkout(t.Context(), repo.at("main"), test.commit, t.TempDir(), test.opts)
			if !errors.Is(err, test.want) || !Mendable(err) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

func TestCheckoutIntoNowhereIsNotTheMaintainersFault(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	commit := repo.commit(map[string]string{"file": "content"})
	for _, test := range []struct{ dir, temp string }{{"/nonexistent/x", t.TempDir()}, {t.TempDir(), "/nonexistent/x"}} {
		_, err := newLocalClient(ClientOptions{}).Checkout(t.Context(), repo.at("main"), commit, test.dir, CheckoutOptions{TempDir: test.temp})
		if err == nil || Mendable(err) {
			t.Errorf("got %v", err)
		}
	}
}

func TestCheckoutRefusesHostileTrees(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	file, link, deep := repo.blob("x"), func(to string) entry { return entry{"120000", "link", repo.blob(to)} }, func(e entry) string {
		return repo.tree(entry{"40000", "a", repo.tree(entry{"40000", "b", repo.tree(e)})})
	}
	for name, tree := range map[string]string{
		"..":                     repo.tree(entry{"100644", "..", file}),
		".":                      repo.tree(entry{"100644", ".", file}),
		"deep ..":                deep(entry{"40000", "..", repo.tree(entry{"100644", "x", file})}),
		"slash":                  repo.tree(entry{"100644", "../x", file}),
		"absolute":               repo.tree(entry{"100644", "/etc/x", file}),
		".git":                   repo.tree(entry{"40000", ".git", repo.tree(entry{"100644", "config", file})}),
		".GIT below":             deep(entry{"100644", ".GIT", file}),
		"long name":              repo.tree(entry{"100644", strings.Repeat("a", 256), file}),
		"device":                 repo.tree(entry{"20644", "null", file}),
		"twice":                  repo.tree(entry{"100644", "x", file}, entry{"100755", "x", file}),
		"link and directory":     repo.tree(entry{"120000", "x", repo.blob("a")}, entry{"40000", "x", repo.tree(entry{"100644", "y", file})}),
		"link out":               repo.tree(link("../x")),
		"link out from below":    deep(link("../../../x")),
		"absolute link":          repo.tree(link("/etc/passwd")),
		"link out over a name":   repo.tree(link("a/../../x")),
		"link out over a link":   deep(link("b/../x")),
		"link to nothing":        repo.tree(link("")),
		"link with a zero":       repo.tree(link("a\x00b")),
		"long link":              repo.tree(link(strings.Repeat("a/", 3000))),
		"not a tree":             repo.gitWith("no tree at all", "hash-object", "-t", "tree", "-w", "--stdin", "--literally"),
		"a file for a directory": repo.tree(entry{"40000", "dir", file}),
	} {
		t.Run(name, func(t *testing.T) {
			commit := repo.git("commit-tree", tree, "-m", "x")
			for _, filter := range []string{"true", "false"} {
				repo.git("config", "uploadpack.allowFilter", filter)
				dir := t.TempDir()
				_, err := newLocalClient(ClientOptions{}).Checkout(t.Context(), repo.at("main"), commit, dir, CheckoutOptions{TempDir: t.TempDir()})
				// Git itself notices some of them while it packs, and then does not answer.
				if !errors.Is(err, ErrContent) && !errors.Is(err, ErrProtocol) {
					t.Errorf("got %v", err)
				}
				if left := written(t, dir); len(left) != 0 {
					t.Errorf("wrote %v", left)
				}
			}
		})
	}
}

// A tree that names the same directory many times at each level would unfold to 10^12 files.
func TestCheckoutTreeBomb(t *testing.T) {
	repo := newGitServer(t).create(t, "tool")
	repo.git("config", "uploadpack.allowFilter", "true")
	id, mode := repo.blob("boom"), "100644"
	for range 12 {
		var entries []entry
		for i := range 10 {
			entries = append(entries, entry{mode, fmt.Sprintf("d%d", i), id})
		}
		id, mode = repo.tree(entries...), "40000"
	}
	commit := repo.commitTree(id)
	_, err := newLocalClient(ClientOptions{}).Checkout(t.Context(), repo.at("main"), commit, t.TempDir(), CheckoutOptions{TempDir: t.TempDir(), MaxFiles: 1000})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}
