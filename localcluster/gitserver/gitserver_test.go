package gitserver

import (
	"bytes"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const testUser, testPassword = "maintainer", "a very secret word"

// newServer returns the URL of a running server and its directory.
func newServer(t *testing.T) (base, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "git")
	server, err := New(dir, testUser, testPassword, slog.New(slog.NewTextHandler(t.Output(), nil)))
	if err != nil {
		t.Fatal(err)
	}
	running := httptest.NewServer(server)
	t.Cleanup(running.Close)
	return running.URL, dir
}

// git runs git as a maintainer would, away from the machine's configuration.
func git(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org",
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	out, err := git(t, dir, args...)
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return out
}

// commit makes a repository with one commit of one file.
func commit(t *testing.T, content []byte) string {
	t.Helper()
	dir := t.TempDir()
	mustGit(t, dir, "init", "--quiet", "--initial-branch=main")
	if err := os.WriteFile(filepath.Join(dir, "file"), content, 0o644); err != nil {
		t.Fatal(err)
	}
	mustGit(t, dir, "add", "file")
	mustGit(t, dir, "commit", "--quiet", "-m", "a file")
	return dir
}

func TestPushCreatesAndCloneReads(t *testing.T) {
	base, dir := newServer(t)
	work := commit(t, []byte("hello\n"))
	remote := base + "/hello-1.git"

	if out, err := git(t, work, "ls-remote", remote); err == nil {
		t.Fatalf("a repository that nobody pushed to is there:\n%s", out)
	}
	mustGit(t, work, "push", "--quiet", remote, "main")
	head, err := os.ReadFile(filepath.Join(dir, "hello-1.git", "HEAD"))
	if err != nil || string(head) != "ref: refs/heads/main\n" {
		t.Errorf("HEAD is %q, %v", head, err)
	}
	clone := filepath.Join(t.TempDir(), "clone")
	mustGit(t, work, "clone", "--quiet", remote, clone)
	if got, err := os.ReadFile(filepath.Join(clone, "file")); err != nil || string(got) != "hello\n" {
		t.Errorf("the clone has %q, %v", got, err)
	}
	mustGit(t, work, "push", "--quiet", "--force", remote, "main", "main:other")
	mustGit(t, work, "push", "--quiet", remote, ":other")
	if refs := mustGit(t, work, "ls-remote", "--heads", remote); strings.Count(refs, "\n") != 1 {
		t.Errorf("refs after deleting a branch:\n%s", refs)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the repository there is something left: %v, %v", entries, err)
	}
}

// A large push is sent in chunks of unknown number.
func TestLargePush(t *testing.T) {
	base, _ := newServer(t)
	content := make([]byte, 3<<20)
	if _, err := rand.NewChaCha8([32]byte{}).Read(content); err != nil { // nothing that could be made smaller
		t.Fatal(err)
	}
	work := commit(t, content)
	mustGit(t, work, "-c", "http.postBuffer=65536", "push", "--quiet", base+"/large.git", "main")
	clone := filepath.Join(t.TempDir(), "clone")
	mustGit(t, work, "clone", "--quiet", base+"/large.git", clone)
	if got, err := os.ReadFile(filepath.Join(clone, "file")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the clone differs: %d bytes, %v", len(got), err)
	}
}

func TestPartialCloneAndSingleObject(t *testing.T) {
	base, _ := newServer(t)
	work := commit(t, []byte("hello\n"))
	remote := base + "/partial.git"
	mustGit(t, work, "push", "--quiet", remote, "main")

	clone := filepath.Join(t.TempDir(), "clone")
	if out := mustGit(t, work, "clone", "--quiet", "--no-checkout", "--filter=blob:none", remote, clone); strings.Contains(out, "filtering not recognized") {
		t.Errorf("no filters: %s", out)
	}
	blob := strings.TrimSpace(mustGit(t, work, "rev-parse", "main:file"))
	empty := t.TempDir()
	mustGit(t, empty, "init", "--quiet")
	mustGit(t, empty, "fetch", "--quiet", remote, blob)
	if got := mustGit(t, empty, "cat-file", "-p", blob); got != "hello\n" {
		t.Errorf("the object is %q", got)
	}
}

func TestProtocolV2(t *testing.T) {
	base, _ := newServer(t)
	work := commit(t, []byte("hello\n"))
	mustGit(t, work, "push", "--quiet", base+"/v2.git", "main")
	request, err := http.NewRequest(http.MethodGet, base+"/v2.git/info/refs?service=git-upload-pack", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Git-Protocol", "version=2")
	status, body := do(t, request)
	if status != http.StatusOK || !strings.Contains(body, "version 2") || !strings.Contains(body, "filter") {
		t.Errorf("%d: %q", status, body)
	}
}

func TestPrivateRepository(t *testing.T) {
	base, dir := newServer(t)
	work := commit(t, []byte("secret\n"))
	private := "/private-notes.git"
	with := func(user, password string) string {
		u, err := url.Parse(base + private)
		if err != nil {
			t.Fatal(err)
		}
		u.User = url.UserPassword(user, password)
		return u.String()
	}
	for _, refused := range []string{base + private, with(testUser, "wrong"), with("wrong", testPassword), with(testUser, "")} {
		if out, err := git(t, work, "push", "--quiet", refused, "main"); err == nil {
			t.Errorf("pushing without the password: %s", out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "private-notes.git")); !os.IsNotExist(err) {
		t.Errorf("a refused push left something: %v", err)
	}
	mustGit(t, work, "push", "--quiet", with(testUser, testPassword), "main")
	if out, err := git(t, work, "ls-remote", base+private); err == nil {
		t.Errorf("reading without the password: %s", out)
	}
	if refs := mustGit(t, work, "ls-remote", with(testUser, testPassword)); !strings.Contains(refs, "refs/heads/main") {
		t.Errorf("with the password: %s", refs)
	}
}

func TestBadPaths(t *testing.T) {
	base, dir := newServer(t)
	work := commit(t, []byte("hello\n"))
	mustGit(t, work, "push", "--quiet", base+"/good.git", "main")
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "outside"), []byte("outside"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/good.git/config", "/good.git/HEAD", "/good.git/objects/info/packs", "/good.git",
		"/../outside", "/%2e%2e/outside", "/good.git/../../outside", "/good.git/%2e%2e/%2e%2e/outside",
		"/..git/info/refs", "/.git/info/refs", "/-x.git/info/refs", "/Upper.git/info/refs", "/a/b.git/info/refs",
		"/a%2fb.git/info/refs", "/a%00.git/info/refs", "/a b.git/info/refs", "/x/info/refs",
		"/" + strings.Repeat("a", 101) + ".git/info/refs", "//good.git/info/refs", "/good.git/info/refs/",
		"/good.git\n/info/refs",
	} {
		request, err := http.NewRequest(http.MethodGet, base, nil)
		if err != nil {
			t.Fatal(err)
		}
		// As a hostile client sends it, unlike one that tidies paths up.
		request.URL.Opaque = strings.ReplaceAll(strings.ReplaceAll(path, " ", "%20"), "\n", "%0a")
		request.URL.RawQuery = "service=git-receive-pack"
		if status, body := do(t, request); status == http.StatusOK {
			t.Errorf("%q is answered: %q", path, body)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("a bad name made a repository: %v, %v", entries, err)
	}
}

func TestConcurrentFirstPushes(t *testing.T) {
	base, _ := newServer(t)
	work := commit(t, []byte("hello\n"))
	var group sync.WaitGroup
	for _, branch := range []string{"a", "b", "c", "d"} {
		group.Go(func() {
			if out, err := git(t, work, "push", "--quiet", base+"/new.git", "main:"+branch); err != nil {
				t.Errorf("pushing %s: %v\n%s", branch, err, out)
			}
		})
	}
	group.Wait()
	if refs := mustGit(t, work, "ls-remote", "--heads", base+"/new.git"); strings.Count(refs, "\n") != 4 {
		t.Errorf("not all branches are there:\n%s", refs)
	}
}

func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/", "/a.git/info/refs", "/../x", "/a.git/git-upload-pack", "/private-a.git/info/refs", "/a.git/info/refs\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		match := route.FindStringSubmatch(path)
		if match == nil {
			return
		}
		if name := match[1]; name != filepath.Base(name) || strings.HasPrefix(name, ".") || strings.ContainsAny(name, "\x00\n/\\ ") {
			t.Errorf("%q is taken for a repository's name", name)
		}
	})
}

func do(t *testing.T, request *http.Request) (int, string) {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
