package gitserver

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCredentialsAreMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "git-credentials")
	user, password, err := Credentials(path, []string{"127.0.0.1:3000", "git.example:3000"})
	if err != nil {
		t.Fatal(err)
	}
	if len(password) < 20 {
		t.Errorf("the password %q is short", password)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	again, same, err := Credentials(path, []string{"127.0.0.1:3999"})
	if err != nil || again != user || same != password {
		t.Errorf("the second time they are others: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "http://"+user+":"+password+"@127.0.0.1:3999\n" {
		t.Errorf("the file holds %q, %v", text, err)
	}
}

func TestCredentialsAsGitWritesThem(t *testing.T) {
	path := filepath.Join(t.TempDir(), "git-credentials")
	if err := os.WriteFile(path, []byte("http://maintainer:ABC%20DEF@127.0.0.1%3a3000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	user, password, err := Credentials(path, []string{"127.0.0.1:3000"})
	if err != nil || user != "maintainer" || password != "ABC DEF" {
		t.Errorf("got %q, %q, %v", user, password, err)
	}
}

func TestCredentialsThatCannotBeRead(t *testing.T) {
	for name, content := range map[string]string{
		"empty": "", "no password": "http://user@host\n", "no user": "http://host\n", "no URL": "user:secret@host\n", "not escaped": "http://user:se%cret@host\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "git-credentials")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := Credentials(path, []string{"host"})
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "cret") {
				t.Errorf("the error shows the password: %v", err)
			}
		})
	}
}
