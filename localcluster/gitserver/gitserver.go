// Package gitserver is a real git server over HTTP: git's own http-backend,
// with repositories that come to be when somebody pushes to them. It does not
// know what is in a repository.
// The entry point is [New].
package gitserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

const (
	// maxPush bounds the body of one request, in bytes.
	maxPush = 2 << 30
	// maxProcesses bounds how many requests are served at a time; further ones
	// wait.
	maxProcesses = 32
	// privatePrefix begins the names of repositories that demand a password.
	privatePrefix = "private-"
)

// route is all that git's smart protocol asks for. What does not match, be it
// another file of a repository, is not there.
var route = regexp.MustCompile(`^/([a-z0-9][a-z0-9-]{0,99}\.git)/(info/refs|git-upload-pack|git-receive-pack)$`)

// Server serves the bare repositories in a directory.
type Server struct {
	dir      string
	user     string
	password string
	backend  *cgi.Handler
	slots    chan struct{}
	creating sync.Mutex
}

var _ http.Handler = (*Server)(nil)

// New returns a server of the repositories in dir, which it makes. Those whose
// name begins with "private-" are for who knows user and password only.
func New(dir, user, password string, log *slog.Logger) (*Server, error) {
	if user == "" || password == "" {
		return nil, fmt.Errorf("a git server needs a user and a password for its private repositories")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of repositories: %w", err)
	}
	core, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return nil, fmt.Errorf("asking git for its programs: %w", err)
	}
	return &Server{
		dir:      dir,
		user:     user,
		password: password,
		slots:    make(chan struct{}, maxProcesses),
		backend: &cgi.Handler{
			Path:       filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"),
			Env:        append(environment(), "GIT_PROJECT_ROOT="+dir, "GIT_HTTP_EXPORT_ALL=1"),
			InheritEnv: []string{"PATH", "TOOLFORGED_LOCALCLUSTER"},
			Logger:     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
			Stderr:     os.Stderr,
		},
	}, nil
}

// settings are those of every repository. They are given to git with each
// request, so that an older repository has them too.
var settings = [][2]string{
	{"http.receivepack", "true"},
	{"uploadpack.allowFilter", "true"},
	{"uploadpack.allowAnySHA1InWant", "true"},
	{"init.defaultBranch", "main"},
}

// environment lets git see its settings and none of the machine's or a user's.
func environment() []string {
	env := []string{
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_CONFIG_COUNT=" + strconv.Itoa(len(settings)),
	}
	for i, s := range settings {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, s[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, s[1]))
	}
	return env
}

// ServeHTTP answers git clients, and / for who wants to see it is there.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/" {
		fmt.Fprintln(w, "The local cluster's git server. Push to /<name>.git to make a repository.")
		return
	}
	match := route.FindStringSubmatch(r.URL.Path)
	if match == nil {
		http.Error(w, "no such repository: the path must be /<name>.git, the name of a-z, 0-9 and -", http.StatusNotFound)
		return
	}
	repository, pushing := match[1], isPush(r, match[2])
	if strings.HasPrefix(repository, privatePrefix) && !s.known(r) {
		w.Header().Set("WWW-Authenticate", `Basic realm="private repositories", charset="UTF-8"`)
		http.Error(w, "this repository needs a user and a password", http.StatusUnauthorized)
		return
	}
	if err := s.provide(repository, pushing); err != nil {
		if os.IsNotExist(err) {
			http.Error(w, "no such repository; push to make it", http.StatusNotFound)
			return
		}
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.serve(w, r)
}

// isPush reports whether a request belongs to a push.
func isPush(r *http.Request, endpoint string) bool {
	return endpoint == "git-receive-pack" || r.URL.Query().Get("service") == "git-receive-pack"
}

// known compares in a time that tells nothing of the password.
func (s *Server) known(r *http.Request) bool {
	user, password, _ := r.BasicAuth()
	given, wanted := sha256.Sum256([]byte(user+"\x00"+password)), sha256.Sum256([]byte(s.user+"\x00"+s.password))
	return subtle.ConstantTimeCompare(given[:], wanted[:]) == 1
}

// provide makes sure that a repository is there: a push makes a missing one.
func (s *Server) provide(name string, create bool) error {
	path := filepath.Join(s.dir, name)
	if _, err := os.Stat(path); err == nil || !create || !os.IsNotExist(err) {
		return err
	}
	s.creating.Lock()
	defer s.creating.Unlock()
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	// A name with a dot in front cannot be asked for, so nobody sees it half made.
	unfinished, err := os.MkdirTemp(s.dir, ".new-")
	if err != nil {
		return fmt.Errorf("making the repository %s: %w", name, err)
	}
	defer os.RemoveAll(unfinished)
	cmd := exec.Command("git", "init", "--quiet", "--bare", "--initial-branch=main", unfinished)
	cmd.Env = append(environment(), "PATH="+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making the repository %s: %w: %s", name, err, out)
	}
	return os.Rename(unfinished, path)
}

// serve hands a request to git.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return
	}
	backend := *s.backend
	if protocol := r.Header.Get("Git-Protocol"); protocol != "" {
		backend.Env = append(backend.Env[:len(backend.Env):len(backend.Env)], "GIT_PROTOCOL="+protocol)
	}
	if user, _, ok := r.BasicAuth(); ok {
		backend.Env = append(backend.Env[:len(backend.Env):len(backend.Env)], "REMOTE_USER="+user)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPush)
	// cgi refuses bodies of unknown length, which git sends when a push is large;
	// http-backend reads those to their end.
	r.TransferEncoding = nil
	backend.ServeHTTP(w, r)
}
