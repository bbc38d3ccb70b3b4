package sources

import (
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// gitServer is git's own http-backend behind a real HTTP server, and what it was asked.
type gitServer struct {
	*httptest.Server
	root string

	mu       sync.Mutex
	requests []string // method and path
	headers  []http.Header
}

// newGitServer serves the repositories that create makes. Each wrap is put around the backend.
func newGitServer(t testing.TB, wraps ...func(http.Handler) http.Handler) *gitServer {
	t.Helper()
	execPath, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("git is needed: %v", err)
	}
	s := &gitServer{root: t.TempDir()}
	var handler http.Handler = &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(execPath)), "git-http-backend"),
		Stderr: io.Discard,
		Env:    append(gitEnv(), "GIT_PROJECT_ROOT="+s.root, "GIT_HTTP_EXPORT_ALL=1"),
	}
	for _, wrap := range wraps {
		handler = wrap(handler)
	}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.Path)
		s.headers = append(s.headers, r.Header.Clone())
		s.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// loopback lets a client ask the tests' own servers.
var loopback = Allowed{Addresses: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}}

func newLocalClient(opts ClientOptions) *Client {
	opts.Allowed = loopback
	return NewClient(opts)
}

// asked returns what was asked since the last call.
func (s *gitServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.requests
	s.requests = nil
	return asked
}

func gitEnv() []string {
	return []string{
		"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z",
	}
}

// testRepo is a repository that a gitServer serves.
type testRepo struct {
	t   testing.TB
	dir string
	url string

	credentials *Credentials
}

// create makes an empty repository with the default branch main.
func (s *gitServer) create(t testing.TB, name string) *testRepo {
	t.Helper()
	r := &testRepo{t: t, dir: filepath.Join(s.root, name), url: s.URL + "/" + name}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.git("init", "-q", "-b", "main")
	return r
}

// git runs git in the repository and returns what it prints.
func (r *testRepo) git(args ...string) string {
	r.t.Helper()
	return r.gitWith("", args...)
}

func (r *testRepo) gitWith(stdin string, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(), gitEnv()...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	if err != nil {
		stderr := ""
		if exit, ok := err.(*exec.ExitError); ok {
			stderr = string(exit.Stderr)
		}
		r.t.Fatalf("git %s: %v %s", strings.Join(args, " "), err, stderr)
	}
	return strings.TrimSpace(string(out))
}

// commit writes the files and commits everything.
func (r *testRepo) commit(files map[string]string) string {
	r.t.Helper()
	for name, content := range files {
		path := filepath.Join(r.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "change")
	return r.git("rev-parse", "HEAD")
}

// entry is one line of a tree made by hand.
type entry struct{ mode, name, id string }

// tree stores a tree as it is given, however wrong.
func (r *testRepo) tree(entries ...entry) string {
	r.t.Helper()
	return r.gitWith(rawTree(entries...), "hash-object", "-t", "tree", "-w", "--stdin", "--literally")
}

func rawTree(entries ...entry) string {
	var raw strings.Builder
	for _, e := range entries {
		raw.WriteString(e.mode + " " + e.name + "\x00")
		for i := 0; i < len(e.id); i += 2 {
			raw.WriteByte(unhex(e.id[i])<<4 | unhex(e.id[i+1]))
		}
	}
	return raw.String()
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

func (r *testRepo) blob(content string) string {
	r.t.Helper()
	return r.gitWith(content, "hash-object", "-w", "--stdin")
}

// commitTree commits that tree on main.
func (r *testRepo) commitTree(tree string) string {
	r.t.Helper()
	commit := r.git("commit-tree", tree, "-m", "made by hand")
	r.git("update-ref", "refs/heads/main", commit)
	return commit
}

func (r *testRepo) at(ref string) Repository {
	return Repository{URL: r.url, Ref: ref, Credentials: r.credentials}
}

// packedRefs writes refs without a process for each.
func (r *testRepo) packedRefs(text string) {
	r.t.Helper()
	if err := os.WriteFile(filepath.Join(r.dir, ".git", "packed-refs"), []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}
