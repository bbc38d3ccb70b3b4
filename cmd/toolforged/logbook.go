package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-containerregistry/pkg/authn"
	"k8s.io/client-go/kubernetes"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// newLogbook makes what keeps the logs of builds, and shows them. Making one costs no request.
func newLogbook(m ctrl.Manager, o options, log logr.Logger, wake func(string)) (*build.Logbook, error) {
	clientset, err := kubernetes.NewForConfig(m.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("make a Kubernetes client: %w", err)
	}
	kept, err := registry.NewClient(authn.DefaultKeychain, "toolforged/"+version, o.plainHTTP())
	if err != nil {
		return nil, err
	}
	return build.NewLogbook(&build.Logbook{
		Config:   buildConfig(o),
		Live:     m.GetAPIReader(),
		Output:   build.PodOutput{Client: clientset},
		Registry: kept,
		Now:      time.Now,
		Wake:     wake,
		Log:      slog.New(logr.ToSlogHandler(log.WithName("logs"))),
	}), nil
}
