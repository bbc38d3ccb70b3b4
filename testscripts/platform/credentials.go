package platform

import (
	"fmt"
	"net/url"
	"os"
	"strings"
)

// GitPassword is the name and password that the git server takes for private repositories.
func (p *Platform) GitPassword() (username, password string, err error) {
	data, err := os.ReadFile(p.GitCredentials)
	if err != nil {
		return "", "", fmt.Errorf("read the git server's credentials: %w", err)
	}
	// Its hosts are escaped in a way that no URL may be (git-credential-store(1)): only what is before the @ is read.
	_, rest, _ := strings.Cut(string(data), "://")
	pair, _, found := strings.Cut(rest, "@")
	username, password, both := strings.Cut(pair, ":")
	if !found || !both {
		return "", "", fmt.Errorf("%s does not begin with a URL with a password", p.GitCredentials)
	}
	if username, err = url.PathUnescape(username); err != nil {
		return "", "", fmt.Errorf("read the user name in %s: %w", p.GitCredentials, err)
	}
	if password, err = url.PathUnescape(password); err != nil {
		return "", "", fmt.Errorf("the password in %s is not escaped as it should be", p.GitCredentials)
	}
	return username, password, nil
}
