package platform

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A Change is files that become the newest commit of a repository.
type Change struct {
	// Directory holds all the files of the commit.
	Directory string
	// Repository is the name of the repository on the git server, which a push makes when it is missing.
	Repository string
	// Branch is the one that the commit is put on; empty: main.
	Branch string
	// Tag, unless it is empty, is an annotated tag of the commit. One of this name is moved.
	Tag string
	// SigningKey is the file of the SSH private key that the commit is signed with; empty: it is not signed.
	SigningKey string
	// Rewrite has the commit take the place of the branch's history so far, as a force-push does.
	Rewrite bool
	// Message is that of the commit; empty: "Change".
	Message string
}

// Push makes a change and returns the commit's id. The same files on top of the same history give the same commit.
func (p *Platform) Push(ctx context.Context, change Change) (string, error) {
	directory, err := filepath.Abs(change.Directory)
	if err != nil {
		return "", err
	}
	clone, err := os.MkdirTemp("", "push-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(clone)
	remote := p.GitPush + "/" + change.Repository + ".git"
	branch := "refs/heads/" + cmp.Or(change.Branch, "main")
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
	push := []string{"push", "--quiet", remote}
	if change.Rewrite {
		push = append(push, "--force")
	} else if _, err := git("fetch", "--quiet", remote, branch); err == nil {
		// The history so far, if there is one: a push is a commit on top.
		if _, err := git("update-ref", "HEAD", "FETCH_HEAD"); err != nil {
			return "", err
		}
	}
	if _, err := git("add", "--all", "."); err != nil {
		return "", err
	}
	changed, err := git("status", "--porcelain")
	if err != nil {
		return "", err
	}
	if changed != "" {
		commit := []string{"commit", "--quiet", "--no-verify", "--message", cmp.Or(change.Message, "Change")}
		if change.SigningKey != "" {
			commit = append([]string{"-c", "gpg.format=ssh", "-c", "user.signingkey=" + change.SigningKey}, append(commit, "--gpg-sign")...)
		}
		if _, err := git(commit...); err != nil {
			return "", err
		}
		if _, err := git(append(push, "HEAD:"+branch)...); err != nil {
			return "", err
		}
	}
	if change.Tag != "" {
		if _, err := git("tag", "--annotate", "--message", change.Tag, change.Tag); err != nil {
			return "", err
		}
		if _, err := git("push", "--quiet", "--force", remote, "refs/tags/"+change.Tag); err != nil {
			return "", err
		}
	}
	return git("rev-parse", "HEAD")
}

var author = []string{
	"GIT_AUTHOR_NAME=A maintainer", "GIT_AUTHOR_EMAIL=maintainer@example.org", "GIT_AUTHOR_DATE=2026-01-01T00:00:00Z",
	"GIT_COMMITTER_NAME=A maintainer", "GIT_COMMITTER_EMAIL=maintainer@example.org", "GIT_COMMITTER_DATE=2026-01-01T00:00:00Z",
	"GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_TERMINAL_PROMPT=0",
}
