package gitserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
)

// Credentials returns the user and the password of private repositories, kept
// in the file at path in the form of git's credential store: one URL a line,
// here one for each of hosts (HOST:PORT). The password is made when there is no
// such file; the lines are brought up to date.
func Credentials(path string, hosts []string) (user, password string, err error) {
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		user, password = "maintainer", rand.Text()
	case err != nil:
		return "", "", fmt.Errorf("reading the git server's credentials: %w", err)
	default:
		user, password, err = parseCredentials(string(data))
		if err != nil {
			return "", "", fmt.Errorf("reading the git server's credentials in %s (remove it to get new ones): %w", path, err)
		}
	}
	var lines strings.Builder
	for _, host := range hosts {
		u := url.URL{Scheme: "http", User: url.UserPassword(user, password), Host: host}
		lines.WriteString(u.String() + "\n")
	}
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		return "", "", fmt.Errorf("writing the git server's credentials: %w", err)
	}
	return user, password, nil
}

// parseCredentials reads the first line, also as git writes it back: it escapes
// the colon before the port, which no URL may have (git-credential-store(1)).
func parseCredentials(text string) (user, password string, err error) {
	line, _, _ := strings.Cut(text, "\n")
	_, rest, isURL := strings.Cut(line, "://")
	if !isURL {
		return "", "", errors.New("the first line is not a URL") // the line would show the password
	}
	pair, _, _ := strings.Cut(rest, "@")
	user, password, _ = strings.Cut(pair, ":")
	if user, err = url.PathUnescape(user); err == nil {
		password, err = url.PathUnescape(password)
	}
	if err != nil || user == "" || password == "" {
		return "", "", errors.New("the first line has no user and password")
	}
	return user, password, nil
}
