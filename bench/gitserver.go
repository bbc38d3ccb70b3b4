package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// gitServer is git's own server, by which one repository is any number of repositories: whatever the first part of the
// path, but for one that something is pushed to. What it answers to the same request is remembered until something is pushed, so that what the bench measures has
// the machine to itself.
type gitServer struct {
	root, address string
	server        *http.Server
	backend       http.Handler

	mu      sync.Mutex
	answers map[string]*httptest.ResponseRecorder
}

// startGitServer serves a repository with one commit of a toolforge.yaml.
func startGitServer(file string) (g *gitServer, err error) {
	g = &gitServer{answers: map[string]*httptest.ResponseRecorder{}}
	if g.root, err = os.MkdirTemp("", "toolforged-bench-git-"); err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	for _, repository := range []string{shared, pushedTo} {
		if err := g.create(repository, file); err != nil {
			return nil, err
		}
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("find git: %w", err)
	}
	g.backend = &cgi.Handler{
		Path: program, Args: []string{"http-backend"}, Dir: g.root, Stderr: io.Discard,
		Env:        []string{"GIT_PROJECT_ROOT=" + g.root, "GIT_HTTP_EXPORT_ALL=1"},
		InheritEnv: []string{"PATH"},
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	g.address = "http://" + listener.Addr().String()
	g.server = &http.Server{Handler: g}
	go func() { _ = g.server.Serve(listener) }()
	return g, nil
}

// The two repositories that there are.
const (
	shared   = "shared.git"
	pushedTo = "pushed-to.git"
)

func (g *gitServer) create(repository, file string) error {
	if _, err := g.git("init", "-q", "-b", "main", "--bare", repository); err != nil {
		return err
	}
	for _, name := range []string{"uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"} {
		if _, err := g.git("-C", repository, "config", name, "true"); err != nil {
			return err
		}
	}
	_, err := g.push(repository, file)
	return err
}

func (g *gitServer) stop() error {
	_ = g.server.Close()
	return os.RemoveAll(g.root)
}

func (g *gitServer) git(arguments ...string) (string, error) {
	command := exec.Command("git", arguments...)
	command.Dir = g.root
	command.Env = append(os.Environ(), "GIT_AUTHOR_NAME=bench", "GIT_AUTHOR_EMAIL=bench@example.org", "GIT_COMMITTER_NAME=bench", "GIT_COMMITTER_EMAIL=bench@example.org")
	output, err := command.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", strings.Join(arguments, " "), err, output)
	}
	return strings.TrimSpace(string(output)), nil
}

// push makes a toolforge.yaml the newest commit, and returns its id.
func (g *gitServer) push(repository, file string) (commit string, err error) {
	work := filepath.Join(g.root, "work-"+repository)
	if _, err := os.Stat(work); err != nil {
		if _, err := g.git("clone", "-q", repository, work); err != nil {
			return "", err
		}
	}
	if err := os.WriteFile(filepath.Join(work, "toolforge.yaml"), []byte(file), 0o644); err != nil {
		return "", fmt.Errorf("write a file: %w", err)
	}
	for _, arguments := range [][]string{{"add", "-A"}, {"commit", "-q", "--allow-empty", "-m", "bench"}, {"push", "-q", "origin", "HEAD:main"}} {
		if _, err := g.git(append([]string{"-C", work}, arguments...)...); err != nil {
			return "", err
		}
	}
	g.mu.Lock()
	maps.DeleteFunc(g.answers, func(key string, _ *httptest.ResponseRecorder) bool {
		return strings.Contains(key, "\x00"+repository+"\x00")
	})
	g.mu.Unlock()
	return g.git("-C", work, "rev-parse", "HEAD")
}

// ServeHTTP answers as git would.
func (g *gitServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	repository, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if repository != pushedTo {
		repository = shared
	}
	key := strings.Join([]string{r.Method, repository, rest, r.URL.RawQuery, r.Header.Get("Git-Protocol"), string(body)}, "\x00")
	g.mu.Lock()
	answer := g.answers[key]
	g.mu.Unlock()
	if answer == nil {
		again := r.Clone(r.Context())
		again.URL.Path, again.Body, again.ContentLength = "/"+repository+"/"+rest, io.NopCloser(bytes.NewReader(body)), int64(len(body))
		answer = httptest.NewRecorder()
		g.backend.ServeHTTP(answer, again)
		g.mu.Lock()
		g.answers[key] = answer
		g.mu.Unlock()
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = w.Write(answer.Body.Bytes())
}
