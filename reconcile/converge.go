package reconcile

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// converge makes the tool's namespace hold what should run, and nothing else of the tool's.
func (t *Tools) converge(ctx context.Context, p *pass) result {
	if r := t.tryOwn(ctx, p); r.outcome > degraded {
		return r
	}
	contested := result{}
	for _, object := range p.declared() {
		r := t.apply(ctx, p, object)
		if r.outcome > degraded {
			return r
		}
		if r.outcome == degraded && contested.reason == "" {
			contested = r
		}
	}
	if t.ledger.waits(p.declared()) {
		// Most often an event comes first. An object that is deleted before the cache has shown it has none.
		p.again(ledgerTrust)
	}
	if err := t.prune(ctx, p); err != nil {
		return fail(api.ReasonPruneFailed, err)
	}
	p.tool.Status.URL = ""
	if p.target.manifest.Webservice != nil {
		host := render.Input{Tool: p.tool.Name, Domain: t.Config.Domain}.Host()
		p.tool.Status.URL = t.Config.Scheme + "://" + host + t.Config.SitePort + "/"
	}
	if contested.reason != "" {
		return contested
	}
	return ok(fmt.Sprintf("commit %.7s is applied: %d objects", p.target.commit, len(p.target.objects)))
}

// prepare sees to the namespace: made when it is not there, adopted when the Tool says so, refused when it is somebody
// else's.
func (t *Tools) prepare(ctx context.Context, p *pass) result {
	namespace := reference(namespaceKind, "", p.tool.TargetNamespace())
	live, err := t.live(ctx, namespace)
	if err == nil && live == nil {
		// It is made once. The cache may not show yet that somebody else has made it meanwhile.
		live, err = t.ask(ctx, namespace)
	}
	if err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	p.fresh = p.fresh || live == nil
	if live != nil {
		if live.DeletionTimestamp != nil {
			return wait(api.ReasonWaiting, "namespace "+namespace.GetName()+" is being deleted", namespaceCheck)
		}
		if !owned(live, p.tool.Name) && (!p.tool.Spec.AdoptNamespace || live.Labels[api.ToolLabel] != "") {
			return taken(api.ReasonNamespaceTaken, "namespace "+namespace.GetName(), live)
		}
	}
	var lord *metav1.OwnerReference
	if p.fresh || madeFor(live, p.tool) {
		reference := owner(p.tool)
		lord = &reference
	}
	rendered, err := render.Namespace(namespace.GetName(), p.tool.Name, lord)
	if err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	return t.settle(ctx, p, rendered, live)
}

// madeFor tells whether toolforged made a namespace for the tool, and did not adopt it.
func madeFor(namespace client.Object, tool *api.Tool) bool {
	for _, reference := range namespace.GetOwnerReferences() {
		if reference.UID == tool.UID {
			return true
		}
	}
	return false
}

// owned tells whether an object is toolforged's and this tool's.
func owned(object client.Object, tool string) bool {
	labels := object.GetLabels()
	return labels[api.ManagedByLabel] == api.ManagedBy && labels[api.ToolLabel] == tool
}
