package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/fluxcd/pkg/runtime/logger"
	"github.com/go-logr/logr"
	"github.com/google/go-containerregistry/pkg/authn"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/docs"
	"github.com/toolforge/toolforged/reconcile"
	"github.com/toolforge/toolforged/reconcile/policy"
	"github.com/toolforge/toolforged/registry"
	jsonschema "github.com/toolforge/toolforged/schema"
	"github.com/toolforge/toolforged/status"
)

// run wires the rooms together and works until ctx ends.
func run(ctx context.Context, o options) error {
	log := logger.NewLogger(o.log)
	logger.SetLogger(log)
	restConfig, err := ctrl.GetConfig()
	if err != nil {
		return fmt.Errorf("find the API server: %w", err)
	}
	restConfig.QPS, restConfig.Burst = o.kubeAPIQPS, int(max(o.kubeAPIQPS, 0)*2)
	restConfig.UserAgent = "toolforged/" + version
	config, err := toolsConfig(o)
	if err != nil {
		return err
	}
	m, err := newManager(restConfig, o, config.Policy.OwnKinds(), log)
	if err != nil {
		return err
	}
	woken := &wakers{}
	polls, err := addPoller(m, o, woken, log)
	if err != nil {
		return err
	}
	images, err := registry.NewClient(authn.DefaultKeychain, "toolforged/"+version, o.plainHTTP())
	if err != nil {
		return err
	}
	builds, err := newBuilds(m, o, images, woken, log)
	if err != nil {
		return err
	}
	if err := addControllers(m, restConfig, config, polls.polls, builds, images, woken, o); err != nil {
		return err
	}
	retained, err := addRetention(m, o, builds, config.Policy.OwnKinds(), polls.peers, woken, log)
	if err != nil {
		return err
	}
	if err := addMail(m, o); err != nil {
		return err
	}
	if err := addStatus(m, o, config.Policy.OwnKinds(), polls, retained, log); err != nil {
		return err
	}
	if err := m.Add(giveBack(log)); err != nil {
		return fmt.Errorf("add what gives memory back: %w", err)
	}
	return m.Start(ctx)
}

// newManager makes the manager of what runs on the leader only, and of what runs on every replica: that which says so by
// NeedLeaderElection.
func newManager(restConfig *rest.Config, o options, ownKinds []schema.GroupVersionKind, log logr.Logger) (ctrl.Manager, error) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Kubernetes' types: %w", err)
	}
	if err := api.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register toolforged's types: %w", err)
	}
	if err := addEngineTypes(scheme, o); err != nil {
		return nil, err
	}
	m, err := ctrl.NewManager(restConfig, ctrl.Options{
		Scheme:  scheme,
		Logger:  log,
		Metrics: metricsserver.Options{BindAddress: "0"}, // the status endpoint serves them
		Cache:   reconcile.CacheOptions(ownKinds, o.buildObjects()...),

		LeaderElection:          true,
		LeaderElectionID:        o.part().Lease(),
		LeaderElectionNamespace: o.leaseNamespace,
		LeaderElectionLabels:    leaseLabels(o),
		LeaseDuration:           &o.leaseDuration,
		RenewDeadline:           &o.leaseRenew,
		RetryPeriod:             &o.leaseRetry,
		// The program ends when the manager does, so that the next leader need not wait.
		LeaderElectionReleaseOnCancel: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make the controller manager: %w", err)
	}
	return m, nil
}

func addControllers(m ctrl.Manager, restConfig *rest.Config, config reconcile.Config, polls *poller, builds *build.Builds, images *registry.Client, woken *wakers, o options) error {
	tools := reconcile.NewTools(reconcile.Tools{
		Config:       config,
		Shard:        o.part(),
		Client:       m.GetClient(),
		Live:         m.GetAPIReader(),
		Own:          ownClients(m, restConfig),
		Revisions:    polls,
		Builds:       builds,
		BuildObjects: o.buildObjects(),
		Events:       m.GetEventRecorder("toolforged"),
		Now:          time.Now,
	})
	if err := tools.SetupWithManager(m, &woken.tools, o.concurrency); err != nil {
		return fmt.Errorf("set the controller of tools up: %w", err)
	}
	if !o.part().First() {
		return nil
	}
	directories := &reconcile.Directories{Tools: tools}
	if err := directories.SetupWithManager(m, &woken.directories); err != nil {
		return fmt.Errorf("set the controller of directories up: %w", err)
	}
	builders := &reconcile.Builders{Client: m.GetClient(), Registry: images, Repositories: o.registry, Interval: o.builderInterval}
	if err := builders.SetupWithManager(m); err != nil {
		return fmt.Errorf("set the controller of builders up: %w", err)
	}
	catalog := &reconcile.CatalogImages{Client: m.GetClient(), Registry: images, Interval: o.builderInterval}
	if err := catalog.SetupWithManager(m); err != nil {
		return fmt.Errorf("set the controller of catalogue images up: %w", err)
	}
	return nil
}

func toolsConfig(o options) (reconcile.Config, error) {
	config := reconcile.Config{
		Domain:          o.domain,
		Scheme:          o.siteScheme,
		IngressClass:    o.ingressClass,
		BuildNamespace:  o.buildNamespace,
		HostSecrets:     o.gitSecrets,
		RolloutDeadline: o.rolloutDeadline,
		Builds:          o.buildBounds(),
	}
	if o.sitePort != "" {
		config.SitePort = ":" + o.sitePort
	}
	if err := config.HostSecrets.Validate(); err != nil {
		return config, fmt.Errorf("--git-secrets: %w", err)
	}
	if o.policy == "" {
		return config, nil
	}
	data, err := os.ReadFile(o.policy)
	if err != nil {
		return config, fmt.Errorf("--policy: %w", err)
	}
	if config.Policy, err = policy.Parse(data); err != nil {
		return config, fmt.Errorf("--policy %s: %w", o.policy, err)
	}
	return config, nil
}

// addStatus serves the status endpoint for as long as the manager runs, leading or not.
func addStatus(m ctrl.Manager, o options, ownKinds []schema.GroupVersionKind, polls polling, retained status.RetentionReports, log logr.Logger) error {
	if err := metrics.Registry.Register(status.NewCollector(m.GetClient(), version)); err != nil {
		return fmt.Errorf("register the metrics: %w", err)
	}
	var filled atomic.Bool
	if err := m.Add(everywhere(func(ctx context.Context) error {
		err := reconcile.FillCaches(ctx, m.GetCache(), ownKinds, o.buildObjects()...)
		filled.Store(err == nil)
		return err
	})); err != nil {
		return fmt.Errorf("add the readiness check: %w", err)
	}
	logs, err := jobLogs(m.GetConfig(), o)
	if err != nil {
		return err
	}
	buildLogs, err := newLogbook(m, o, log, func(string) {}) // what is only shown wakes nobody
	if err != nil {
		return err
	}
	webhooks, err := addWebhooks(m, o, polls, slog.New(logr.ToSlogHandler(log.WithName("webhooks"))))
	if err != nil {
		return err
	}
	images, err := registry.NewClient(authn.DefaultKeychain, "toolforged/"+version, o.plainHTTP())
	if err != nil {
		return err
	}
	server := status.Server(o.statusAddress, status.New(status.Options{
		Reader:    m.GetClient(),
		Live:      m.GetAPIReader(),
		Logs:      logs,
		BuildLogs: buildLogs,
		SBOMs:     sboms{images},
		Polling:   polls,
		Retention: retained,
		Webhooks:  webhooks,
		Ready: func() error {
			if !filled.Load() {
				return errors.New("the caches are not filled yet")
			}
			return nil
		},
		Metrics:   metrics.Registry,
		Now:       time.Now,
		Version:   version,
		Log:       log.WithName("status"),
		Schema:    jsonschema.Toolforge,
		Validate:  validate,
		Docs:      docs.Pages,
		Reference: o.docsURL,
	}), log.WithName("status"))
	return m.Add(&manager.Server{Name: "status", Server: server})
}

// jobLogs is what reads the output of jobs; nil where it is not to be shown.
func jobLogs(restConfig *rest.Config, o options) (status.Logs, error) {
	if !o.jobLogs {
		return nil, nil
	}
	clientset, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return nil, fmt.Errorf("make a Kubernetes client: %w", err)
	}
	return status.PodLogs{Client: clientset}, nil
}
