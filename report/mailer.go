package report

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	// firstRetry and lastRetry bound the delay before a mail that could not be sent is tried again.
	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
	// senders is how many mails are handed over at the same time.
	senders = 4
	// tooOld is how long ago something may have happened of which is still told.
	tooOld = 24 * time.Hour
	// fieldOwner is whose the annotations are that say what was told.
	fieldOwner = client.FieldOwner("toolforged-report")
)

// Sender hands a mail over to whoever delivers it.
type Sender interface {
	Send(ctx context.Context, m Message) error
}

// Mailer is the controller that tells maintainers of their jobs. What it tells it notes on the Job, after the mail was
// handed over: a daemon that is killed between both tells it again, with the same Message-ID.
type Mailer struct {
	// Client reads from caches and writes to the API server. Live reads from that.
	Client client.Client
	Live   client.Reader
	// Owns tells which tools' maintainers it is to tell; others' are another daemon's.
	Owns   func(tool string) bool
	Sender Sender
	// Status is the address of the status endpoint as maintainers reach it, without a slash at its end; empty for none.
	Status string
	// Interval is the least time between two mails about one tool: what happens meanwhile is told together.
	Interval time.Duration
	Now      func() time.Time

	outbox *outbox
	looks  *looks
	since  time.Time
}

// NewMailer fills in what the mailer keeps for itself.
func NewMailer(m Mailer) *Mailer {
	m.outbox, m.looks, m.since = newOutbox(), newLooks(), m.Now()
	return &m
}

// SetupWithManager has the mailer woken by what can be told of.
func (m *Mailer) SetupWithManager(manager ctrl.Manager) error {
	asked := builder.WithPredicates(predicate.NewPredicateFuncs(func(object client.Object) bool {
		return object.GetLabels()[api.EmailsLabel] != ""
	}))
	return ctrl.NewControllerManagedBy(manager).
		Named("mail").
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(m.labelledTool), asked).
		Watches(&appsv1.Deployment{}, handler.EnqueueRequestsFromMapFunc(m.labelledTool), asked).
		Watches(&api.Tool{}, handler.EnqueueRequestsFromMapFunc(m.tool), builder.WithPredicates(predicate.ResourceVersionChangedPredicate{})).
		WithOptions(controller.Options{
			MaxConcurrentReconciles: senders,
			RateLimiter:             workqueue.NewTypedItemExponentialFailureRateLimiter[reconcile.Request](firstRetry, lastRetry),
		}).
		Complete(m)
}

func (m *Mailer) labelledTool(_ context.Context, object client.Object) []reconcile.Request {
	return m.requests(object.GetLabels()[api.ToolLabel])
}

func (m *Mailer) tool(_ context.Context, object client.Object) []reconcile.Request {
	return m.requests(object.GetName())
}

func (m *Mailer) requests(tool string) []reconcile.Request {
	if tool == "" || !m.Owns(tool) {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Name: tool}}}
}

// Reconcile sends one tool's maintainers what there is to tell, or says when it may be sent.
func (m *Mailer) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	tool := &api.Tool{}
	if err := m.Client.Get(ctx, request.NamespacedName, tool); err != nil {
		if client.IgnoreNotFound(err) == nil {
			m.outbox.forget(request.Name)
			m.looks.forget(request.Name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	b := m.outbox.of(tool.Name, m.Now())
	if err := m.gather(ctx, tool, b); err != nil {
		return reconcile.Result{}, err
	}
	if len(b.events) > 0 {
		if wait := b.wait(m.Now(), m.Interval); wait > 0 {
			return reconcile.Result{RequeueAfter: wait}, m.claim(ctx, b)
		}
		page := ""
		if m.Status != "" {
			page = m.Status + "/tools/" + tool.Name + "#jobs"
		}
		if err := m.Sender.Send(ctx, compose(tool.Name, b.events, b.more, page)); err != nil {
			return reconcile.Result{}, err
		}
		b.sent(m.Now())
	}
	return reconcile.Result{}, m.claim(ctx, b)
}

// gather finds what was not told yet.
func (m *Mailer) gather(ctx context.Context, tool *api.Tool, b *box) error {
	return errors.Join(m.gatherRuns(ctx, tool, b), m.gatherMissed(ctx, tool, b), m.gatherCrashes(ctx, tool, b))
}

// claim notes what was told. It ends at the first object that cannot be written, and goes on there the next time.
func (m *Mailer) claim(ctx context.Context, b *box) error {
	for len(b.claims) > 0 {
		if c := b.claims[0].claim; c != nil {
			patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
				"annotations": map[string]string{api.ReportedAnnotation: c.value},
			}})
			if err != nil {
				return err
			}
			target := c.object.DeepCopyObject().(client.Object)
			if err := m.Client.Patch(ctx, target, client.RawPatch(types.MergePatchType, patch), fieldOwner); client.IgnoreNotFound(err) != nil {
				return fmt.Errorf("note on %s %s what was told: %w", target.GetNamespace(), target.GetName(), err)
			}
		}
		b.claims = b.claims[1:]
	}
	return nil
}

// ofTool selects a tool's objects, and of these some.
func ofTool(tool *api.Tool, some client.MatchingLabels) client.ListOption {
	options := &client.ListOptions{Namespace: tool.TargetNamespace()}
	client.MatchingLabels{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: tool.Name}.ApplyToList(options)
	some.ApplyToList(options)
	return options
}

// maxPods bounds how many pods of one job are asked for.
const maxPods = 50

// podsOf asks the API server for pods.
func (m *Mailer) podsOf(ctx context.Context, tool *api.Tool, of client.MatchingLabels) ([]corev1.Pod, error) {
	var pods corev1.PodList
	if err := m.Live.List(ctx, &pods, ofTool(tool, of), client.Limit(maxPods)); err != nil {
		return nil, fmt.Errorf("list pods: %w", err)
	}
	return pods.Items, nil
}
