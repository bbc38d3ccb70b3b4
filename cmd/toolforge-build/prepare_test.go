package main

import (
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

// images are flags that prepare must have.
var images = []string{"-image=registry.invalid/tool-wiki/main:key", "-run-image=registry.invalid/run@sha256:1"}

func TestPrepare(t *testing.T) {
	url, commit := serve(t, map[string]string{"toolforge.yaml": "m", "app/toolforge.yaml": "m", "app/main.py": "print()", "app/docs/x": "x"})
	right := credentials(t, map[string]string{"username": "me\n", "password": "s3cret\n"})
	b := newBench(t)
	out, code, end := b.start("prepare", append(images, loopback, "-repository="+url, "-commit="+commit, "-path=app", "-except=toolforge.yaml",
		"-except=docs", "-credentials="+right, "-previous-image=registry.invalid/tool-wiki/main@sha256:2", "-plain-http=registry.invalid")...)
	if code != 0 || end.Message != "" || phaseNames(end) != "prepare" {
		t.Fatalf("exit %d, %+v: %s", code, end, out)
	}
	left, err := filepath.Glob(b.workspace + "/*")
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != "main.py" {
		t.Errorf("wrote %q, %v", left, err)
	}
	for _, want := range []string{
		"===> prepare\n", "fetching commit " + commit + " of " + url + "\n", `wrote 1 files, 7 bytes from "app" to ` + b.workspace,
		"-run-image=registry.invalid/run@sha256:1 ", "CNB_INSECURE_REGISTRIES=registry.invalid\n", "-previous-image=registry.invalid/tool-wiki/main@sha256:2 registry.invalid/tool-wiki/main:key\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("it does not say %q:\n%s", want, out)
		}
	}
	for _, file := range []string{b.analyzed(), filepath.Join(b.layers, "analyzed.toml"), filepath.Join(b.program, programName)} {
		if info, err := os.Stat(file); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", file, err)
		}
	}
	if strings.Contains(out, "s3cret") {
		t.Errorf("it shows a password:\n%s", out)
	}
}

func TestPrepareErrors(t *testing.T) {
	url, commit := serve(t, map[string]string{"file": "content"})
	right := "-credentials=" + credentials(t, map[string]string{"username": "me", "password": "s3cret"})
	wrong := "-credentials=" + credentials(t, map[string]string{"username": "me", "password": "hunter2"})
	huge := "-credentials=" + credentials(t, map[string]string{"password": strings.Repeat("x", 64<<10+1)})
	own, this := "-repository="+url, "-commit="+commit
	for _, test := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no path", []string{own, this, right, "-path=app"}, 1, `"app" does not exist in commit ` + commit},
		{"no commit", []string{own, "-commit=" + strings.Repeat("1", 40), right}, 1, "does not exist in " + url},
		{"too large", []string{own, this, right, "-max-bytes=3"}, 1, "larger than 3 bytes"},
		{"wrong password", []string{own, this, wrong}, 1, "does not accept the user name and password"},
		{"no password", []string{own, this, "-credentials=" + t.TempDir()}, 1, "none of the keys"},
		{"huge password", []string{own, this, huge}, 1, "password is larger than"},
		{"password in the URL", []string{"-repository=http://me:hunter2@127.0.0.1/x", this}, 1, "must not hold a user name or password"},
		{"address that is not allowed", []string{own, this, right, "-git-addresses="}, 1, "127.0.0.1 is loopback; an administrator can allow it (--git-addresses)"},
		{"host that is not allowed", []string{own, this, "-git-hosts=forge.example"}, 1, "the host 127.0.0.1 is not allowed"},
		{"scheme that is not allowed", []string{own, this, "-git-schemes=https"}, 1, "the scheme http is not allowed"},
		{"wrong address", []string{own, this, "-git-addresses=all"}, 2, "-git-addresses"},
		{"nobody there", []string{"-repository=http://127.0.0.1:1/x", this}, 2, "cannot reach"},
		{"missing flags", []string{own}, 2, "want -repository, -commit"},
		{"no bounds", []string{own, this, "-max-files=0"}, 2, "above zero"},
	} {
		t.Run(test.name, func(t *testing.T) {
			out, code, end := newBench(t).start("prepare", append(append([]string{loopback}, images...), test.args...)...)
			if code != test.code || !strings.Contains(end.Message, test.says) || !strings.Contains(out, test.says) {
				t.Errorf("exit %d, %q; want %d and %q:\n%s", code, end.Message, test.code, test.says, out)
			}
			if shown := out + end.Message; strings.Contains(shown, "hunter2") || strings.Contains(shown, "s3cret") {
				t.Errorf("shows a password: %s", shown)
			}
		})
	}
}

// What the registry says is the platform's trouble, in the words of the lifecycle; a cache that cannot be read is none.
func TestPrepareRegistry(t *testing.T) {
	url, commit := serve(t, map[string]string{"file": "content"})
	args := append(images, loopback, "-repository="+url, "-commit="+commit,
		"-credentials="+credentials(t, map[string]string{"username": "me", "password": "s3cret"}), "-cache=127.0.0.1:1/cache/tool-wiki/main:default")
	b := newBench(t)
	out, code, end := b.start("prepare", args...)
	if code != 0 || len(end.Notes) != 1 || !strings.Contains(end.Notes[0], "the cache is not used: read cache 127.0.0.1:1/cache/tool-wiki/main:default") {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
	t.Setenv("FAKE_analyzer", "say ERROR: failed to get run image: 500; exit 32")
	out, code, end = newBench(t).start("prepare", args...)
	if code != exitTrouble || !strings.Contains(end.Message, "analyzer ended with exit code 32: failed to get run image: 500") {
		t.Errorf("exit %d, %+v: %s", code, end, out)
	}
}

// The program as it runs in a pod: nobody, no home, no git in its path.
func TestUnprivileged(t *testing.T) {
	url, commit := serve(t, map[string]string{"file": "content"})
	open, err := os.MkdirTemp("", "toolforge-build-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(open)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(open, programName)
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	analyzer := filepath.Join(open, "analyzer")
	if err := os.WriteFile(analyzer, []byte("#!/bin/sh\nfor a; do case $a in -analyzed=*) echo > \"${a#*=}\";; esac; done\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	dirs := make(map[string]string)
	for _, name := range []string{"workspace", "layers", "cache", "private", "toolforge", "secret"} {
		dirs[name] = filepath.Join(open, name)
		if err := os.Mkdir(dirs[name], 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dirs[name], 0o777); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"username": "me", "password": "s3cret"} {
		if err := os.WriteFile(filepath.Join(dirs["secret"], name), []byte(content), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	start := func(args ...string) (string, int) {
		cmd := exec.Command(program, append([]string{"prepare", loopback, images[0], images[1], "-repository=" + url, "-commit=" + commit,
			"-credentials=" + dirs["secret"], "-workspace=" + dirs["workspace"], "-layers=" + dirs["layers"], "-cache-dir=" + dirs["cache"],
			"-private=" + dirs["private"], "-program=" + dirs["toolforge"], "-lifecycle=" + open, "-ending=" + filepath.Join(dirs["private"], "ending")}, args...)...)
		cmd.Dir = "/"
		cmd.Env = []string{}
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
	info, err := os.Stat(filepath.Join(dirs["workspace"], "file"))
	if err != nil || info.Mode() != 0o644 {
		t.Errorf("%v, %v", info, err)
	}
	if left, err := os.ReadDir(filepath.Join(dirs["private"], "tmp")); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if out, code := start("-path", "nowhere"); code != exitMendable || !strings.Contains(out, "toolforge-build: ") {
		t.Errorf("exit %d: %s", code, out)
	}
	if out, code := start("-workspace", "/proc"); code != exitTrouble {
		t.Errorf("exit %d: %s", code, out)
	}
}
