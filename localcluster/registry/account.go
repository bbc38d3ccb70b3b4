package registry

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Account is the one that may write, delete, and read what is private.
type Account struct{ User, Password string }

// private are the repositories, by the first part of their name, that nobody
// reads without the account: what builds keep for the next one.
var private = []string{"cache", "logs"}

// guard asks for the account, unless a request reads an image. Images are read
// by the nodes, which have no account.
func (a Account) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, given := r.BasicAuth()
		if given && a.is(user, password) || !given && readsImage(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="the local cluster's registry"`)
		answer(w, http.StatusUnauthorized, "UNAUTHORIZED", "this needs the registry's account")
	})
}

func (a Account) is(user, password string) bool {
	same := func(x, y string) bool { return subtle.ConstantTimeCompare([]byte(x), []byte(y)) == 1 }
	return same(a.User, user) && same(a.Password, password)
}

// readsImage reports whether a request reads a manifest, a blob or the tags of a
// repository that is not private. A path that the registry would first clean is
// none: it might mean another repository.
func readsImage(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead || path.Clean(r.URL.Path) != r.URL.Path {
		return false
	}
	name, ok := repository(r.URL.Path)
	first, _, _ := strings.Cut(name, "/")
	return ok && !slices.Contains(private, first)
}

// repository is the name of the repository in a path of the OCI distribution
// specification, section "Endpoints". Uploads are none that can be read.
func repository(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok || strings.Contains(rest, "/blobs/uploads") {
		return "", false
	}
	for _, kind := range []string{"/manifests/", "/blobs/", "/tags/list", "/referrers/"} {
		if at := strings.LastIndex(rest, kind); at > 0 {
			return rest[:at], true
		}
	}
	return "", false
}

// answer writes an error in the form of the OCI distribution specification,
// section "Error Codes".
func answer(w http.ResponseWriter, status int, code, message string) {
	type one struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string][]one{"errors": {{code, message}}}) // who asked may have gone
}

// dockerConfig is the file of credentials that clients of registries read.
type dockerConfig struct {
	Auths map[string]dockerAuth `json:"auths"`
}

type dockerAuth struct {
	Auth string `json:"auth"`
}

// Credentials returns the account, kept in the file config.json of the directory
// in the form that clients of registries read (with DOCKER_CONFIG=dir), once for
// each of hosts (HOST:PORT). The password is made when there is no such file;
// the hosts are brought up to date.
func Credentials(dir string, hosts []string) (Account, error) {
	file := filepath.Join(dir, "config.json")
	account := Account{User: "toolforged"}
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		account.Password = rand.Text()
	case err != nil:
		return Account{}, fmt.Errorf("reading the registry's account: %w", err)
	default:
		if account, err = parseAccount(data); err != nil {
			return Account{}, fmt.Errorf("reading the registry's account in %s (remove it to get a new one): %w", file, err)
		}
	}
	config := dockerConfig{Auths: map[string]dockerAuth{}}
	for _, host := range hosts {
		config.Auths[host] = dockerAuth{base64.StdEncoding.EncodeToString([]byte(account.User + ":" + account.Password))}
	}
	if data, err = json.MarshalIndent(config, "", "  "); err != nil {
		return Account{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Account{}, fmt.Errorf("writing the registry's account: %w", err)
	}
	if err := os.WriteFile(file, append(data, '\n'), 0o600); err != nil {
		return Account{}, fmt.Errorf("writing the registry's account: %w", err)
	}
	return account, nil
}

// parseAccount reads the account of any of the hosts: all have the same. What it
// says shows nothing of the file.
func parseAccount(data []byte) (Account, error) {
	var config dockerConfig
	if json.Unmarshal(data, &config) != nil {
		return Account{}, errors.New("it is not JSON as clients of registries read it")
	}
	for _, auth := range config.Auths {
		pair, err := base64.StdEncoding.DecodeString(auth.Auth)
		if user, password, found := strings.Cut(string(pair), ":"); err == nil && found && user != "" && password != "" {
			return Account{user, password}, nil
		}
	}
	return Account{}, errors.New("it has no user and password")
}
