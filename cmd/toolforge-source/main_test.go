package main

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/toolforge/toolforged/sources"
)

// loopback allows the tests' own server.
const loopback = "-git-addresses=127.0.0.1"

// serve makes a repository with those files and serves it to who knows the password; it returns the URL and commit.
func serve(t *testing.T, files map[string]string) (url, commit string) {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "tool")
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", "-A")
	git("commit", "-q", "-m", "x")
	backend := &cgi.Handler{
		Path:   filepath.Join(git("--exec-path"), "git-http-backend"),
		Env:    []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
		Stderr: io.Discard,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/tool", git("rev-parse", "HEAD")
}

func credentials(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o400); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestRun(t *testing.T) {
	url, commit := serve(t, map[string]string{"toolforge.yaml": "m", "app/toolforge.yaml": "m", "app/main.py": "print()", "app/docs/x": "x"})
	right := credentials(t, map[string]string{"username": "me\n", "password": "s3cret\n"})
	to := t.TempDir()
	var out bytes.Buffer
	err := run(t.Context(), []string{
		loopback, "-repository", url, "-commit", commit, "-to", to, "-path", "app", "-except", "toolforge.yaml", "-except", "docs", "-credentials", right,
	}, &out)
	if err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(to + "/*")
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "main.py" {
		t.Errorf("wrote %q, %v", left, err)
	}
	want := []string{"fetching commit " + commit + " of " + url, `wrote 1 files, 7 bytes from "app" to ` + to}
	for i, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("printed %q", line)
		}
	}
}

func TestRunErrors(t *testing.T) {
	url, commit := serve(t, map[string]string{"file": "content"})
	right := credentials(t, map[string]string{"username": "me", "password": "s3cret"})
	for _, test := range []struct {
		name     string
		args     []string
		mendable bool
		says     string
	}{
		{"no path", []string{"-repository", url, "-commit", commit, "-credentials", right, "-path", "app"}, true, `"app" does not exist in commit ` + commit},
		{"no commit", []string{"-repository", url, "-commit", strings.Repeat("1", 40), "-credentials", right}, true, "does not exist in " + url},
		{"too large", []string{"-repository", url, "-commit", commit, "-credentials", right, "-max-bytes", "3"}, true, "larger than 3 bytes"},
		{"wrong password", []string{"-repository", url, "-commit", commit, "-credentials", credentials(t, map[string]string{"username": "me", "password": "hunter2"})}, true, "does not accept the user name and password"},
		{"no password", []string{"-repository", url, "-commit", commit, "-credentials", t.TempDir()}, true, "none of the keys"},
		{"huge password", []string{"-repository", url, "-commit", commit, "-credentials", credentials(t, map[string]string{"password": strings.Repeat("x", 64<<10+1)})}, true, "password is larger than"},
		{"password in the URL", []string{"-repository", "http://me:hunter2@127.0.0.1/x", "-commit", commit}, true, "must not hold a user name or password"},
		{"address that is not allowed", []string{"-repository", url, "-commit", commit, "-credentials", right, "-git-addresses="}, true, "127.0.0.1 is loopback; an administrator can allow it (--git-addresses)"},
		{"host that is not allowed", []string{"-repository", url, "-commit", commit, "-git-hosts=forge.example"}, true, "the host 127.0.0.1 is not allowed"},
		{"scheme that is not allowed", []string{"-repository", url, "-commit", commit, "-git-schemes=https"}, true, "the scheme http is not allowed"},
		{"wrong address", []string{"-repository", url, "-commit", commit, "-git-addresses=all"}, false, "-git-addresses"},
		{"nobody there", []string{"-repository", "http://127.0.0.1:1/x", "-commit", commit}, false, "cannot reach"},
		{"missing flags", []string{"-repository", url}, false, "want -repository and -commit"},
		{"no bounds", []string{"-repository", url, "-commit", commit, "-max-files", "0"}, false, "above zero"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			err := run(t.Context(), append([]string{loopback, "-to", t.TempDir()}, test.args...), &out)
			if err == nil || sources.Mendable(err) != test.mendable || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want mendable %v and %q", err, test.mendable, test.says)
			}
			if shown := out.String() + err.Error(); strings.Contains(shown, "hunter2") || strings.Contains(shown, "s3cret") {
				t.Errorf("shows a password: %s", shown)
			}
		})
	}
}

// The program as it runs in a pod: nobody, no home, no git in its path.
func TestUnprivileged(t *testing.T) {
	url, commit := serve(t, map[string]string{"file": "content"})
	open, err := os.MkdirTemp("", "toolforge-source-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(open, "toolforge-source")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	temp, to, secret := filepath.Join(open, "tmp"), filepath.Join(open, "workspace"), filepath.Join(open, "secret")
	for _, dir := range []string{temp, to, secret} {
		if err := os.Mkdir(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"username": "me", "password": "s3cret"} {
		if err := os.WriteFile(filepath.Join(secret, name), []byte(content), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	start := func(args ...string) (string, int) {
		cmd := exec.Command(program, append([]string{loopback, "-repository", url, "-commit", commit, "-credentials", secret, "-to", to}, args...)...)
		cmd.Dir = "/"
		cmd.Env = []string{"TMPDIR=" + temp}
		if os.Getuid() == 0 {
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65532, Gid: 65532}}
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	if out, code := start(); code != 0 {
		t.Errorf("exit %d: %s", code, out)
	}
	info, err := os.Stat(filepath.Join(to, "file"))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	if left, err := os.ReadDir(temp); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if out, code := start("-path", "nowhere"); code != exitMendable || !strings.HasPrefix(out[strings.Index(out, "\n")+1:], "toolforge-source: ") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := start("-to", "/proc"); code != exitTrouble {
		t.Errorf("exit %d: %s", code, out)
	}
}
