package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// gitServerCommand is the argument with which the bench starts itself as a git server of the directory that follows.
const gitServerCommand = "gitserver"

// gitProcess is git's http-backend, in processes of its own.
type gitProcess struct {
	dir, url string
	process  *exec.Cmd
	input    io.Closer
}

// serveGit serves the repositories in dir on a port of 127.0.0.1, whose URL it prints first, until in ends.
func serveGit(dir string, in io.Reader, out io.Writer) error {
	core, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return fmt.Errorf("ask git for its programs: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"),
		Env:  append(gitEnvironment(), "GIT_PROJECT_ROOT="+dir, "GIT_HTTP_EXPORT_ALL=1"),
	}}
	fmt.Fprintln(out, "http://"+listener.Addr().String())
	go func() {
		_, _ = io.Copy(io.Discard, in)
		_ = server.Close()
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

func gitEnvironment() []string {
	return []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@example.org",
		"GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@example.org"}
}

// startGitProcess starts one with a directory of its own.
func startGitProcess(ctx context.Context) (*gitProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the bench's own program: %w", err)
	}
	dir, err := os.MkdirTemp("", "bench-git-")
	if err != nil {
		return nil, fmt.Errorf("make a directory for repositories: %w", err)
	}
	s := &gitProcess{dir: dir, process: exec.CommandContext(ctx, self, gitServerCommand, dir)}
	in, err := s.process.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("make the git server's input: %w", err)
	}
	out, err := s.process.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("make the git server's output: %w", err)
	}
	s.input = in
	if err := s.process.Start(); err != nil {
		return nil, fmt.Errorf("start the git server: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read where the git server is: %w", err), s.stop())
	}
	s.url = strings.TrimSpace(line)
	return s, nil
}

func (s *gitProcess) stop() error {
	_ = s.input.Close()
	return errors.Join(s.process.Wait(), os.RemoveAll(s.dir))
}

// repository makes one with a commit that so many branches name, and returns its URL.
func (s *gitProcess) repository(ctx context.Context, name string, refs int) (url string, err error) {
	dir := filepath.Join(s.dir, name)
	git := func(arguments ...string) string {
		if err != nil {
			return ""
		}
		command := exec.CommandContext(ctx, "git", append([]string{"-C", s.dir}, arguments...)...)
		command.Env = append(os.Environ(), gitEnvironment()...)
		out, failed := command.Output()
		if failed != nil {
			err = fmt.Errorf("git %s: %w", arguments[0], failed)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "--bare", "-b", "main", dir)
	tree := git("--git-dir="+dir, "mktree")
	commit := git("--git-dir="+dir, "commit-tree", "-m", "bench", tree)
	if err != nil {
		return "", err
	}
	var packed strings.Builder
	packed.WriteString("# pack-refs with: peeled fully-peeled sorted \n")
	for i := range refs - 1 {
		fmt.Fprintf(&packed, "%s refs/heads/branch-%05d\n", commit, i)
	}
	fmt.Fprintf(&packed, "%s refs/heads/main\n", commit)
	if err := os.WriteFile(filepath.Join(dir, "packed-refs"), []byte(packed.String()), 0o644); err != nil {
		return "", fmt.Errorf("write the refs of %s: %w", name, err)
	}
	return s.url + "/" + name, nil
}
