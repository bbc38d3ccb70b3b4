package reconcile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"github.com/go-logr/logr"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// localcluster is the binary with etcd and the API server in it.
const localcluster = "../.local/bin/localcluster"

// apiServer is a real API server with its etcd, on free ports of loopback. The tests share it; the first one starts it.
type apiServer struct {
	once        sync.Once
	environment *envtest.Environment
	// programs holds what starts etcd and the API server, and starts each again when it was killed.
	programs string
	// config is the daemon's.
	config *rest.Config
	admin  client.Client
	err    error
}

var server apiServer

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	code := m.Run()
	if server.environment != nil {
		if err := server.environment.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stop the API server:", err)
			code = 1
		}
		_ = os.RemoveAll(server.programs)
	}
	os.Exit(code)
}

// start returns the API server, started if it was not.
func (s *apiServer) start(t *testing.T) *apiServer {
	t.Helper()
	s.once.Do(func() { s.err = s.launch() })
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s
}

func (s *apiServer) launch() error {
	binary, err := filepath.Abs(localcluster)
	if err != nil {
		return err
	}
	if _, err := os.Stat(binary); err != nil {
		return fmt.Errorf("these tests need an API server: run `make localcluster` first: %w", err)
	}
	// Not t.TempDir: the programs outlive the test that starts the server.
	if s.programs, err = os.MkdirTemp("", "toolforged-apiserver-"); err != nil {
		return err
	}
	s.environment = &envtest.Environment{
		BinaryAssetsDirectory: s.programs,
		CRDDirectoryPaths:     []string{"../schema/crds"},
		ErrorIfCRDPathMissing: true,
	}
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		script := fmt.Sprintf(supervisor, binary, program, filepath.Join(s.programs, program+".pid"))
		if err := os.WriteFile(filepath.Join(s.programs, program), []byte(script), 0o755); err != nil {
			return err
		}
	}
	admin, err := s.environment.Start()
	if err != nil {
		return fmt.Errorf("start the API server: %w", err)
	}
	if s.admin, err = client.New(admin, client.Options{Scheme: scheme()}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	if err := s.addDaemon(); err != nil {
		return err
	}
	builds := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: buildNamespace}}
	if err := s.admin.Create(context.Background(), builds); err != nil {
		return fmt.Errorf("create the namespace of the builds: %w", err)
	}
	return s.addBuilder()
}

// supervisor runs a program again each time that it was killed with SIGKILL, and ends it when the tests have ended, also by
// a panic.
const supervisor = `#!/bin/sh
trap 'kill $pid; wait $pid; exit' TERM
(while kill -0 $PPID; do sleep 1; done; kill $$) > /dev/null 2>&1 &
status=137
while [ $status = 137 ]; do
  %q %s "$@" &
  pid=$!
  echo $pid > %q
  wait $pid
  status=$?
done
exit $status
`

// daemonUser is the daemon's name to the API server. It may do everything, but its requests are no administrator's.
const daemonUser = "toolforged"

func (s *apiServer) addDaemon() error {
	user, err := s.environment.AddUser(envtest.User{Name: daemonUser}, nil)
	if err != nil {
		return fmt.Errorf("add the daemon's user: %w", err)
	}
	s.config = user.Config()
	everything := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: daemonUser},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "cluster-admin"},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: daemonUser}},
	}
	if err := s.admin.Create(context.Background(), everything); err != nil {
		return fmt.Errorf("let the daemon do its work: %w", err)
	}
	return nil
}

// kill ends a program, "etcd" or "kube-apiserver", with SIGKILL. It is started again at once.
func (s *apiServer) kill(t *testing.T, program string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(s.programs, program+".pid"))
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatalf("kill %s: %v", program, err)
	}
}

// untilBack waits until the API server answers again, from etcd and with a write.
func (s *apiServer) untilBack(t *testing.T) {
	t.Helper()
	probe := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "probe"}}
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = s.admin.Create(t.Context(), probe.DeepCopy()); client.IgnoreAlreadyExists(err) == nil {
			if err = s.admin.Delete(t.Context(), probe.DeepCopy()); client.IgnoreNotFound(err) == nil {
				return
			}
		}
	}
	t.Fatalf("the API server is not back: %v", err)
}

// addBuilder puts a builder that is ready into the catalogue.
func (s *apiServer) addBuilder() error {
	builder := &api.Builder{
		ObjectMeta: metav1.ObjectMeta{Name: "test"},
		Spec:       api.BuilderSpec{Image: "registry.example/builder", RunImage: "registry.example/run", Default: true},
	}
	if err := s.admin.Create(context.Background(), builder); err != nil {
		return fmt.Errorf("create a builder: %w", err)
	}
	builder.Status.Image = "registry.example/builder@" + digest("builder")
	apimeta.SetStatusCondition(&builder.Status.Conditions, metav1.Condition{
		Type: fluxmeta.ReadyCondition, Status: metav1.ConditionTrue, Reason: api.ReasonSucceeded,
	})
	if err := s.admin.Status().Update(context.Background(), builder); err != nil {
		return fmt.Errorf("make the builder ready: %w", err)
	}
	return nil
}

func scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		panic(err)
	}
	if err := api.AddToScheme(scheme); err != nil {
		panic(err)
	}
	return scheme
}
