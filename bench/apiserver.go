package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	"sigs.k8s.io/yaml"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/schema"
)

// apiServer is a real API server with its etcd, on free ports of loopback, and empty but for toolforged's resources and a
// builder that is ready.
type apiServer struct {
	environment envtest.Environment
	config      *rest.Config
	admin       client.WithWatch
}

func startAPIServer(ctx context.Context, localcluster string) (s *apiServer, err error) {
	scripts, err := writeScripts(localcluster)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(scripts)
	definitions, err := readCRDs()
	if err != nil {
		return nil, err
	}
	s = &apiServer{environment: envtest.Environment{BinaryAssetsDirectory: scripts, CRDs: definitions}}
	// envtest's own range has room for 254 Services.
	s.environment.ControlPlane.GetAPIServer().Configure().Set("service-cluster-ip-range", "10.0.0.0/16")
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.config, err = s.environment.Start(); err != nil {
		return nil, fmt.Errorf("start the API server: %w", err)
	}
	s.config.QPS = -1
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	if s.admin, err = client.NewWithWatch(s.config, client.Options{Scheme: scheme}); err != nil {
		return nil, fmt.Errorf("make a client: %w", err)
	}
	if err := s.addBuildNamespace(ctx); err != nil {
		return nil, err
	}
	return s, s.addBuilder(ctx)
}

func (s *apiServer) stop() error {
	if err := s.environment.Stop(); err != nil {
		return fmt.Errorf("stop the API server: %w", err)
	}
	return nil
}

// writeScripts makes a program for each that envtest looks for. They end when the bench ends, however it ends.
func writeScripts(localcluster string) (directory string, err error) {
	binary, err := filepath.Abs(localcluster)
	if err != nil {
		return "", fmt.Errorf("find the local cluster's program: %w", err)
	}
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("the bench needs an API server: run `make localcluster` first: %w", err)
	}
	if directory, err = os.MkdirTemp("", "toolforged-bench-"); err != nil {
		return "", fmt.Errorf("make a directory: %w", err)
	}
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		script := fmt.Sprintf("#!/bin/sh\nexec setpriv --pdeathsig KILL -- %q %s \"$@\"\n", binary, program)
		if err := os.WriteFile(filepath.Join(directory, program), []byte(script), 0o755); err != nil {
			return "", errors.Join(fmt.Errorf("write a script: %w", err), os.RemoveAll(directory))
		}
	}
	return directory, nil
}

func readCRDs() ([]*apiextensionsv1.CustomResourceDefinition, error) {
	files, err := fs.Glob(schema.CRDs, "crds/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list the CRDs: %w", err)
	}
	definitions := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(files))
	for _, file := range files {
		data, err := fs.ReadFile(schema.CRDs, file)
		if err != nil {
			return nil, fmt.Errorf("read a CRD: %w", err)
		}
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, definition); err != nil {
			return nil, fmt.Errorf("read CRD %s: %w", file, err)
		}
		definitions = append(definitions, definition)
	}
	return definitions, nil
}

// buildNamespace holds the tools' key pairs.
const buildNamespace = "toolforge-builds"

func (s *apiServer) addBuildNamespace(ctx context.Context) error {
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: buildNamespace}}
	if err := s.admin.Create(ctx, namespace); err != nil {
		return fmt.Errorf("create namespace %s: %w", buildNamespace, err)
	}
	return nil
}

// addBuilder puts a builder that is ready into the catalogue.
func (s *apiServer) addBuilder(ctx context.Context) error {
	builder := &api.Builder{
		ObjectMeta: metav1.ObjectMeta{Name: "bench"},
		Spec:       api.BuilderSpec{Image: "registry.example/builder", RunImage: "registry.example/run", Default: true},
	}
	if err := s.admin.Create(ctx, builder); err != nil {
		return fmt.Errorf("create a builder: %w", err)
	}
	builder.Status.Image = "registry.example/builder@sha256:" + hash("builder", "image", 0)
	apimeta.SetStatusCondition(&builder.Status.Conditions, metav1.Condition{
		Type: fluxmeta.ReadyCondition, Status: metav1.ConditionTrue, Reason: api.ReasonSucceeded,
	})
	if err := s.admin.Status().Update(ctx, builder); err != nil {
		return fmt.Errorf("make the builder ready: %w", err)
	}
	return nil
}
