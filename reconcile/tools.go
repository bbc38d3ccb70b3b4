package reconcile

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/sources"
)

// Revisions is where the newest revision of each tool comes from.
type Revisions interface {
	Watch(name string, repository sources.Repository, interval time.Duration)
	Forget(name string)
	Latest(name string) (sources.Observation[Revision], bool)
}

// Builds brings one build forward and returns its record.
type Builds interface {
	Step(ctx context.Context, request build.Request, last *api.Build) (api.Build, error)
}

// Config is what the administrator decides about tools.
type Config struct {
	// Domain is the parent of every tool's host name.
	Domain string
	// SitePort is the port in the webservices' addresses, as ":8080"; empty for the default of Scheme.
	SitePort string
	// Scheme of the webservices' addresses: http or https.
	Scheme string
	// IngressClass of the tools' Ingresses; empty for the cluster's default.
	IngressClass string
	// BuildNamespace holds the Secrets that tools' secretRef name.
	BuildNamespace string
	// QuotaClasses are what tools may use, by the name of their class; nil for no bounds.
	QuotaClasses QuotaClasses
}

// cacheCheck is how long a tool waits for the cache to show its own last write.
const cacheCheck = 50 * time.Millisecond

// Tools is the controller of Tool resources.
type Tools struct {
	Config Config
	// Shard says which tools it works on.
	Shard Shard
	// Client reads from caches and writes to the API server. Objects of tools are read as metadata only.
	Client client.Client
	// Live reads from the API server.
	Live      client.Reader
	Revisions Revisions
	Builds    Builds
	Events    events.EventRecorder
	Now       func() time.Time

	ledger  *ledger
	current *versions
	healthy *healthy
}

// NewTools fills in what the controller keeps for itself: nothing that a restart would miss.
func NewTools(t Tools) *Tools {
	t.ledger = newLedger()
	t.current = newVersions()
	t.healthy = newHealthy()
	return &t
}

// Reconcile takes one tool through all steps that are possible now.
func (t *Tools) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	tool := &api.Tool{}
	if err := t.Client.Get(ctx, request.NamespacedName, tool); err != nil {
		if client.IgnoreNotFound(err) == nil {
			t.forget(request.Name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if tool.DeletionTimestamp != nil {
		t.forget(tool.Name)
		return reconcile.Result{}, nil
	}
	if t.current.newer(tool.Name, tool.ResourceVersion) {
		// The cache is behind our own last write. A status that changes wakes nobody, so what woke the tool now would be lost.
		return reconcile.Result{RequeueAfter: cacheCheck}, nil
	}
	before := tool.DeepCopy()
	last := t.walk(ctx, tool)
	if err := t.save(ctx, before, tool); err != nil {
		return reconcile.Result{}, err
	}
	if last.outcome == failed {
		return reconcile.Result{}, fmt.Errorf("%s: %s", last.reason, last.message)
	}
	return reconcile.Result{RequeueAfter: last.after}, nil
}

// walk runs the steps until one says stop, and sums up. It returns what decides when to come back.
func (t *Tools) walk(ctx context.Context, tool *api.Tool) result {
	if tool.Spec.Suspend {
		t.Revisions.Forget(tool.Name)
		return suspend(tool)
	}
	p := &pass{tool: tool}
	var verdicts []verdict
	for _, step := range t.steps() {
		r := step.run(ctx, p)
		if r.reason == "" {
			// Nothing is known yet; what the status says stays true.
			return r
		}
		r.message = clip(r.message, maxMessage)
		tool.Status.ObservedGeneration = tool.Generation
		verdicts = append(verdicts, verdict{step.condition, r})
		if r.outcome > degraded {
			break
		}
	}
	last := summarise(tool, verdicts)
	if last.after == 0 || p.after != 0 && p.after < last.after {
		last.after = p.after
	}
	return last
}

// save writes the status, if it changed.
func (t *Tools) save(ctx context.Context, before, tool *api.Tool) error {
	if equality.Semantic.DeepEqual(before.Status, tool.Status) {
		return nil
	}
	if err := t.Client.Status().Patch(ctx, tool, client.MergeFrom(before)); err != nil {
		return client.IgnoreNotFound(fmt.Errorf("write the status of tool %s: %w", tool.Name, err))
	}
	t.current.set(tool.Name, tool.ResourceVersion)
	t.announce(before, tool)
	return nil
}

// announce makes an event of a new verdict.
func (t *Tools) announce(before, tool *api.Tool) {
	_, oldReason, oldMessage := readyEvent(before)
	eventType, reason, message := readyEvent(tool)
	if reason == oldReason && message == oldMessage {
		return
	}
	t.Events.Eventf(tool, nil, eventType, reason, "Reconcile", "%s", clip(message, maxNote))
}

func (t *Tools) forget(name string) {
	t.Revisions.Forget(name)
	t.current.forget(name)
}

// Interface guards.
var (
	_ reconcile.Reconciler = (*Tools)(nil)
	_ Builds               = (*build.Engine)(nil)
	_ Revisions            = (*sources.Poller[Revision])(nil)
)
