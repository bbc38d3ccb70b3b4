package testscripts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/testscripts/platform"
)

// scriptDeadline bounds one script: a few builds on a busy machine.
const scriptDeadline = 15 * time.Minute

// TestScripts runs what maintainers and administrators do, side by side.
func TestScripts(t *testing.T) {
	run(t, "scripts", func() { testscript.Run(t, params(t, "scripts")) })
}

// TestFaults runs what breaks the platform, or counts its every write, one by one.
func TestFaults(t *testing.T) {
	run(t, "faults", func() { testscript.RunT(serial{t}, params(t, "faults")) })
}

// TestSlow runs what takes many minutes, or most of the node; `make slow` does, `make test` does not.
func TestSlow(t *testing.T) {
	run(t, "slow", func() { testscript.RunT(serial{t}, params(t, "slow")) })
}

// TestTekton runs what is about builds as Tekton's TaskRuns; `make slow-tekton` does, on a platform whose builds are such.
func TestTekton(t *testing.T) {
	if os.Getenv("TEKTON") == "" {
		t.Skip("builds are pods: make slow-tekton runs this")
	}
	run(t, "tekton", func() { testscript.RunT(serial{t}, params(t, "tekton")) })
}

func run(t *testing.T, directory string, scripts func()) {
	found, err := filepath.Glob(filepath.Join(directory, "*.txtar"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no scripts in %s (%v)", directory, err)
	}
	scripts()
}

func params(t *testing.T, directory string) testscript.Params {
	p, err := platform.New()
	if err != nil {
		t.Fatal(err)
	}
	if faults := os.Getenv("REGISTRY_FAULTS"); faults != "" {
		if err := mendRegistry(faults); err != nil {
			t.Fatal(err)
		}
	}
	return testscript.Params{
		Dir:                 directory,
		Setup:               func(env *testscript.Env) error { return setup(env, p) },
		Cmds:                commands,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	}
}

// setup gives a script the platform, and deletes its tools at the end.
func setup(env *testscript.Env, p *platform.Platform) error {
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	for _, name := range []string{"KUBECONFIG", "KUBECTL", "REGISTRY", "REGISTRY_PUSH", "DOCKER_CONFIG"} {
		env.Setenv(name, os.Getenv(name))
	}
	env.Setenv("EXAMPLES", filepath.Join(root, "examples"))
	// What programs are compiled with, by scripts that do: where they are kept, and from where modules come.
	env.Setenv("MACHINE_HOME", os.Getenv("HOME"))
	for _, name := range []string{"XDG_CACHE_HOME", "GOCACHE", "GOMODCACHE", "GOPATH", "GOFLAGS", "GOPROXY", "GOSUMDB", "GONOSUMDB",
		"GOTOOLCHAIN", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value := os.Getenv(name); value != "" {
			env.Setenv(name, value)
		}
	}
	env.Setenv("CLUSTER", filepath.Join(root, ".local"))
	env.Setenv("OTHERBUILDER", filepath.Join(root, "testscripts/otherbuilder"))
	env.Setenv("REPOSITORY", filepath.Join(root, "testscripts/testdata/repository"))
	env.Setenv("HOSTILE", filepath.Join(root, "testscripts/testdata/hostile"))
	env.Setenv("REGISTRY_FILES", filepath.Join(root, ".local/registry/docker/registry/v2/repositories"))
	env.Setenv("GIT_FILES", filepath.Join(root, ".local/git"))
	env.Setenv("OLDER_FILES", filepath.Join(root, "manifest/testdata/older"))
	env.Setenv("AUDIT_LOG", filepath.Join(root, ".local/log/audit.log"))
	env.Setenv("MAIL_SINK", os.Getenv("MAIL_SINK"))
	env.Setenv("CONTROLLERS_PID", filepath.Join(root, ".local/run/kube-controller-manager.pid"))
	env.Setenv("REGISTRY_FAULTS", os.Getenv("REGISTRY_FAULTS"))
	env.Setenv("VOLUMES", os.Getenv("VOLUMES"))
	env.Setenv("DOMAIN", p.Domain)
	env.Setenv("GIT", p.Git)
	env.Setenv("STATUS", strings.TrimSuffix(p.Status, "/"))
	ctx, cancel := context.WithTimeout(context.Background(), scriptDeadline)
	s := &session{platform: p, ctx: ctx, visitors: make(map[string]*platform.Visitors)}
	env.Values[sessionKey{}] = s
	env.Defer(func() {
		defer cancel()
		s.leave(env.T())
	})
	return nil
}

type sessionKey struct{}

// session is one script's work on the platform.
type session struct {
	platform *platform.Platform
	ctx      context.Context
	tools    []string
	secrets  []string
	builders []string
	// directories go first, then the tools that they made.
	directories []string
	visitors    map[string]*platform.Visitors
	followed    *platform.Followed
	audited     int64
	mailbox     *platform.Mailbox
	metadata    io.Closer
	// poison is what a hostile build of this script puts wherever it can.
	poison string
	// faults is the file of the registry's faults, once the script wrote it.
	faults string
}

func of(ts *testscript.TestScript) *session { return ts.Value(sessionKey{}).(*session) }

// leave removes what the script made, also when it failed.
func (s *session) leave(t testscript.T) {
	for _, visitors := range s.visitors {
		visitors.Stop()
	}
	if s.metadata != nil {
		if err := s.metadata.Close(); err != nil {
			t.Log(fmt.Sprintf("clean up: %v", err))
		}
	}
	if s.faults != "" {
		if err := mendRegistry(s.faults); err != nil {
			t.Log(fmt.Sprintf("clean up: %v", err))
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	for _, name := range s.secrets {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: buildNamespace, Name: name}}
		if err := s.platform.Client.Delete(ctx, secret); err != nil {
			t.Log(fmt.Sprintf("clean up: %v", err))
		}
	}
	if err := s.dropDirectories(ctx); err != nil {
		t.Log(fmt.Sprintf("clean up: %v", err))
	}
	// All at once: a namespace goes in some seconds.
	failures := make([]error, len(s.tools))
	var deletions sync.WaitGroup
	for i, tool := range s.tools {
		deletions.Go(func() { failures[i] = s.platform.Delete(ctx, tool) })
	}
	deletions.Wait()
	if err := errors.Join(failures...); err != nil {
		t.Log(fmt.Sprintf("clean up: %v", err))
	}
	for _, name := range s.builders {
		if err := s.platform.Client.Delete(ctx, &api.Builder{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
			t.Log(fmt.Sprintf("clean up: %v", err))
		}
	}
}

// serial runs scripts one by one.
type serial struct{ *testing.T }

func (s serial) Parallel() {}

func (s serial) Verbose() bool { return testing.Verbose() }

func (s serial) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(serial{t}) })
}
