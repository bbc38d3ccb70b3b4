package reconcile

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

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
	config      *rest.Config
	admin       client.Client
	err         error
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
	// Not t.TempDir: the scripts outlive the test that starts the server.
	scripts, err := os.MkdirTemp("", "toolforged-apiserver-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scripts)
	s.environment = &envtest.Environment{
		BinaryAssetsDirectory: scripts,
		CRDDirectoryPaths:     []string{"../schema/crds"},
		ErrorIfCRDPathMissing: true,
	}
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		script := fmt.Sprintf("#!/bin/sh\nexec %q %s \"$@\"\n", binary, program)
		if err := os.WriteFile(filepath.Join(scripts, program), []byte(script), 0o755); err != nil {
			return err
		}
	}
	if s.config, err = s.environment.Start(); err != nil {
		return fmt.Errorf("start the API server: %w", err)
	}
	if s.admin, err = client.New(s.config, client.Options{Scheme: scheme()}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	return s.addBuilder()
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
