package platform

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Push makes the directory's files the newest commit of a repository on the git server, on branch main, and returns the
// commit's id. The same files on top of the same history give the same commit.
func (p *Platform) Push(ctx context.Context, directory, name, message string) (string, error) {
	directory, err := filepath.Abs(directory)
	if err != nil {
		return "", err
	}
	clone, err := os.MkdirTemp("", "push-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(clone)
	remote := p.GitPush + "/" + name + ".git"
	git := func(arguments ...string) (string, error) {
		fixed := []string{"--git-dir", filepath.Join(clone, ".git"), "--work-tree", directory,
			"-c", "credential.helper=store --file=" + p.GitCredentials}
		command := exec.CommandContext(ctx, "git", append(fixed, arguments...)...)
		command.Dir = directory
		command.Env = append(os.Environ(), author...)
		output, err := command.CombinedOutput()
		if err != nil {
			return "", fmt.Errorf("git %s: %w\n%s", strings.Join(arguments, " "), err, output)
		}
		return strings.TrimSpace(string(output)), nil
	}
	if _, err := git("init", "--quiet", "--initial-branch=main"); err != nil {
		return "", err
	}
	// The history so far, if there is one: a push is a commit on top.
	if _, err := git("fetch", "--quiet", remote, "main"); err == nil {
		if _, err := git("update-ref", "refs/heads/main", "FETCH_HEAD"); err != nil {
			return "", err
		}
	}
	if _, err := git("add", "--all", "."); err != nil {
		return "", err
	}
	if changed, err := git("status", "--porcelain"); err != nil || changed == "" {
		if err != nil {
			return "", err
		}
		return git("rev-parse", "HEAD")
	}
	if _, err := git("commit", "--quiet", "--no-verify", "--message", message); err != nil {
		return "", err
	}
	if _, err := git("push", "--quiet", remote, "main"); err != nil {
		return "", err
	}
	return git("rev-parse", "HEAD")
}

var author = []string{
	"GIT_AUTHOR_NAME=A maintainer", "GIT_AUTHOR_EMAIL=maintainer@example.org", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
	"GIT_COMMITTER_NAME=A maintainer", "GIT_COMMITTER_EMAIL=maintainer@example.org", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z",
	"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
}
