package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/reconcile/policy"
	"github.com/toolforge/toolforged/reconcile/seal"
	"github.com/toolforge/toolforged/sources"
)

// Revisions is where the newest revision of each tool comes from.
type Revisions interface {
	Watch(name string, repository sources.Repository, reading string, interval time.Duration)
	Forget(name string)
	Latest(name string) (sources.Observation[Revision], bool)
}

// Builds brings one build forward and returns its record, and the history of the tool's builds.
type Builds interface {
	Step(ctx context.Context, request build.Request, last *api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error)
	// Rest is called for a build that cannot be brought forward now.
	Rest(ctx context.Context, tool string, last api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error)
	// Leave ends a build that is not asked for any more. Its record can be dropped when it is gone.
	Leave(ctx context.Context, tool string, last api.Build, history []api.PastBuild) (gone bool, now []api.PastBuild, err error)
	// Doubt has the registry asked, in the next Step, whether the images of a tool's builds are still there; unless it was lately.
	Doubt(tool string) bool
	// Forget drops what is remembered of a tool.
	Forget(tool string)
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
	// HostSecrets are those for repositories without one of their own.
	HostSecrets HostSecrets
	// RolloutDeadline is how long a new pod may take to become healthy, in whole seconds, at least 1 s. A deployment that
	// makes no progress for so long is taken back.
	RolloutDeadline time.Duration
	// Builds are how many builds may run at the same time.
	Builds queue.Bounds
	// Policy is what tools may do.
	Policy policy.Policy
}

// cacheCheck is how long a tool waits for the cache to show its own last write.
const cacheCheck = 50 * time.Millisecond

// keyCheck is when a key pair that could not be made is tried again.
const keyCheck = 30 * time.Second

// Tools is the controller of Tool resources.
type Tools struct {
	Config Config
	// Shard says which tools it works on.
	Shard Shard
	// Client reads from caches (CacheOptions) and writes to the API server.
	Client client.Client
	// Live reads from the API server.
	Live client.Reader
	// Own writes to a namespace with no other rights than those of the tool's own service account there.
	Own       func(namespace, account string) (client.Client, error)
	Revisions Revisions
	Builds    Builds
	// BuildObjects are the kinds, beside pods, whose objects are builds; they wake the tool that their label names.
	BuildObjects []client.Object
	Events       events.EventRecorder
	Now          func() time.Time
	// NewIdentity makes key pairs; nil for real ones.
	NewIdentity func() (*seal.Identity, error)

	ledger     *ledger
	current    *versions
	well       *wellKnown
	others     *others
	lookout    *lookout
	opened     *opened
	secretKeys *secretKeys
}

// NewTools fills in what the controller keeps for itself: nothing that a restart would miss.
func NewTools(t Tools) *Tools {
	t.ledger = newLedger(t.Now)
	t.current = newVersions()
	t.well = newWellKnown()
	t.others = newOthers()
	t.lookout = newLookout()
	if t.NewIdentity == nil {
		t.NewIdentity = seal.NewIdentity
	}
	t.opened, t.secretKeys = newOpened(), newSecretKeys()
	return &t
}

// Reconcile takes one tool through all steps that are possible now.
func (t *Tools) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	tool := &api.Tool{}
	if err := t.Client.Get(ctx, request.NamespacedName, tool); err != nil {
		if client.IgnoreNotFound(err) == nil {
			t.forget(request.Name)
			t.forgetSecrets(request.Name)
			t.current.forget(request.Name)
			t.lookout.forget(request.Name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	if t.current.doubted(tool.Name) {
		// The last write failed, and may have been done all the same: what the cache shows may be older.
		tool = &api.Tool{}
		if err := t.Live.Get(ctx, request.NamespacedName, tool); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(err)
		}
		t.current.set(tool.Name, tool.ResourceVersion)
	} else if t.current.newer(tool.Name, tool.ResourceVersion) {
		// The cache is behind our own last write. A status that changes wakes nobody, so what woke the tool now would be lost.
		return reconcile.Result{RequeueAfter: cacheCheck}, nil
	}
	if tool.DeletionTimestamp != nil {
		return t.finalize(ctx, tool)
	}
	if err := t.hold(ctx, tool); err != nil {
		return reconcile.Result{}, err
	}
	before := tool.DeepCopy()
	keyless := t.giveKeys(ctx, tool)
	all, after := t.walk(ctx, tool)
	if err := t.save(ctx, before, tool); err != nil {
		return reconcile.Result{}, err
	}
	if failure := all.failure(); failure != nil {
		return reconcile.Result{}, fmt.Errorf("%s: %s", failure.reason, failure.message)
	}
	if keyless != nil {
		ctrl.LoggerFrom(ctx).Error(keyless, "the tool has no key pair yet")
		after = soonest(after, keyCheck)
	}
	return reconcile.Result{RequeueAfter: after}, nil
}

// walk takes a tool through the steps and sums up. After is when to come back, were there no event before; 0 for never.
func (t *Tools) walk(ctx context.Context, tool *api.Tool) (all verdicts, after time.Duration) {
	if tool.Spec.Suspend {
		t.forget(tool.Name)
		suspend(tool)
		return nil, 0
	}
	p := &pass{tool: tool}
	all = t.run(ctx, p, t.toImage())
	newest := all[len(all)-1]
	if newest.reason != "" {
		t.rest(ctx, p)
	}
	if newest.reason == "" {
		// Nothing is known yet; what the status says stays true.
		return nil, newest.after
	}
	if r := t.surround(p); r.outcome != done {
		all = append(all, verdict{api.Applied, r})
	} else if err := t.choose(ctx, p, newest.outcome <= degraded); err != nil {
		all = append(all, verdict{api.Applied, fail(api.ReasonApplyFailed, err)})
	} else if p.target != nil || p.next != nil || p.withheld != nil {
		all = append(all, t.enact(ctx, p)...)
	}
	if err := t.runs(ctx, p); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "whether runs were missed could not be found out")
		p.again(askAgain)
	}
	if p.spared && p.serves() {
		p.again(sparedFor)
	}
	tool.Status.ObservedGeneration = tool.Generation
	summarise(tool, all)
	return all, all.after(p.after)
}

// enact puts into effect what was chosen. What served before is kept as it is also while a release is under way or failed.
func (t *Tools) enact(ctx context.Context, p *pass) (all verdicts) {
	if r := t.prepare(ctx, p); r.outcome > degraded {
		return verdicts{{api.Applied, r}}
	}
	all = t.run(ctx, p, t.toRelease())
	if p.target != nil {
		all = append(all, t.run(ctx, p, t.toEffect())...)
	}
	return all
}

// run takes the steps in order, until one says stop.
func (t *Tools) run(ctx context.Context, p *pass, steps []step) (all verdicts) {
	for _, step := range steps {
		r := step.run(ctx, p)
		// Two steps may come to one condition: the later one has the word.
		all = append(slices.DeleteFunc(all, func(v verdict) bool { return v.condition == step.condition }), verdictOf(step, r))
		if r.outcome > degraded {
			break
		}
	}
	return all
}

func verdictOf(step step, r result) verdict {
	r.message = clip(r.message, maxMessage)
	return verdict{step.condition, r}
}

// save writes the status, if it changed.
func (t *Tools) save(ctx context.Context, before, tool *api.Tool) error {
	if equality.Semantic.DeepEqual(before.Status, tool.Status) {
		return nil
	}
	if err := t.Client.Status().Patch(ctx, tool, client.MergeFrom(before)); err != nil {
		t.current.doubt(tool.Name)
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

// Interface guards.
var (
	_ reconcile.Reconciler = (*Tools)(nil)
	_ Builds               = (*build.Builds)(nil)
	_ Revisions            = (*sources.Poller[Revision])(nil)
)
