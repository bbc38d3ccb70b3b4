package directory_test

import (
	"fmt"
	"io"
	"net/http/cgi"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/toolforge/toolforged/reconcile/directory"
	"github.com/toolforge/toolforged/sources"
)

// repository is one that git's own http-backend serves.
type repository struct {
	t      *testing.T
	dir    string
	client *sources.Client
	source sources.Repository
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git is needed: %v", err)
	}
	root := t.TempDir()
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"), Stderr: io.Discard,
		Env: append(environment(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
	})
	t.Cleanup(server.Close)
	r := &repository{t: t, dir: filepath.Join(root, "tools"), source: sources.Repository{URL: server.URL + "/tools", Ref: "main"}}
	r.client = sources.NewClient(sources.ClientOptions{Allowed: sources.Allowed{Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}})
	if err := os.Mkdir(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main")
	r.git("config", "uploadpack.allowFilter", "true")
	return r
}

func environment() []string {
	return []string{"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org"}
}

func (r *repository) git(args ...string) {
	r.t.Helper()
	command := exec.Command("git", args...)
	command.Dir, command.Env = r.dir, append(os.Environ(), environment()...)
	if output, err := command.CombinedOutput(); err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, output)
	}
}

// commit makes the files the newest commit; one without contents goes.
func (r *repository) commit(files map[string]string) {
	r.t.Helper()
	for name, text := range files {
		at := filepath.Join(r.dir, name)
		if text == "" {
			r.git("rm", "-q", name)
			continue
		}
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "-m", "change")
}

// read reads the newest commit.
func (r *repository) read(reader *directory.Reader, path string) directory.Listing {
	r.t.Helper()
	commit, err := r.client.Resolve(r.t.Context(), r.source)
	if err != nil {
		r.t.Fatal(err)
	}
	snapshot, err := r.client.Open(r.t.Context(), r.source, commit)
	if err != nil {
		r.t.Fatal(err)
	}
	listing, err := reader.Read(r.t.Context(), snapshot, path)
	if err != nil {
		r.t.Fatal(err)
	}
	return listing
}

func describe(listing directory.Listing) string {
	var all []string
	for _, file := range listing.Files {
		text := file.Path
		if len(file.Problems) > 0 {
			text += "!"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// From a real server: what is a tool's file, what is wrong with one, and that a file which has not changed is not read again.
func TestRead(t *testing.T) {
	r := newRepository(t)
	const url = "repository: https://forge.example/a.git\n"
	r.commit(map[string]string{
		"tools/a.yaml": url, "tools/b.yaml": "nonsense: 1\n", "tools/c.yml": url, "tools/README.md": "no", "tools/.hidden.yaml": "no", "tools/sub/d.yaml": url,
		"tools/large.yaml": url + "# " + strings.Repeat("x", 70<<10) + "\n", "other.yaml": "no",
	})
	r.git("config", "core.symlinks", "true")
	if err := os.Symlink("a.yaml", filepath.Join(r.dir, "tools/link.yaml")); err != nil {
		t.Fatal(err)
	}
	r.commit(nil)
	var reader directory.Reader
	first := r.read(&reader, "tools")
	if got, want := describe(first), "tools/a.yaml tools/b.yaml! tools/c.yml! tools/large.yaml! tools/link.yaml!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r.commit(map[string]string{"tools/b.yaml": url, "tools/c.yml": "", "tools/e.yaml": url})
	second := r.read(&reader, "tools")
	if got, want := describe(second), "tools/a.yaml tools/b.yaml tools/e.yaml tools/large.yaml! tools/link.yaml!"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if first.Files[0] != second.Files[0] {
		t.Error("a file that has not changed was read again")
	}
	for _, path := range []string{"nothing", "other.yaml", "../tools"} {
		if listing := r.read(&reader, path); listing.Missing == "" || len(listing.Files) > 0 {
			t.Errorf("%s: %+v", path, listing)
		}
	}
}

// Three thousand tools are read by a few requests, and again by as many.
func TestReadMany(t *testing.T) {
	r := newRepository(t)
	files := map[string]string{}
	for i := range 3000 {
		files[fmt.Sprintf("tools/tool-%04d.yaml", i)] = fmt.Sprintf("repository: https://forge.example/%d.git\n", i)
	}
	r.commit(files)
	var reader directory.Reader
	if listing := r.read(&reader, "tools"); len(listing.Files) != 3000 {
		t.Errorf("%d files", len(listing.Files))
	}
	r.commit(map[string]string{"tools/tool-0000.yaml": "", "tools/tool-0001.yaml": "repository: https://forge.example/other.git\n"})
	listing := r.read(&reader, "tools")
	if len(listing.Files) != 2999 || !strings.Contains(listing.Files[0].Spec, "other.git") {
		t.Errorf("%d files, first %+v", len(listing.Files), listing.Files[0])
	}
}
