package reconcile

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// converge makes the tool's namespace hold what the revision declares, and nothing else of the tool's.
func (t *Tools) converge(ctx context.Context, p *pass) result {
	namespace, desired, err := t.render(p)
	if err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	surroundings, r := t.surroundings(p)
	if r.outcome != done {
		return r
	}
	p.desired = append(surroundings, desired...)
	if r := t.prepare(ctx, p, namespace); r.outcome != done {
		return r
	}
	for _, object := range p.desired {
		if r := t.apply(ctx, p, object); r.outcome != done {
			return r
		}
	}
	if err := t.prune(ctx, p); err != nil {
		return fail(api.ReasonPruneFailed, err)
	}
	p.tool.Status.URL = ""
	if p.revision.Manifest.Webservice != nil {
		p.tool.Status.URL = t.Config.Scheme + "://" + t.input(p).Host() + t.Config.SitePort + "/"
	}
	return ok(fmt.Sprintf("commit %.7s is applied: %d objects", p.commit, len(desired)))
}

func (t *Tools) input(p *pass) render.Input {
	return render.Input{
		Tool:         p.tool.Name,
		Namespace:    p.tool.TargetNamespace(),
		Manifest:     p.revision.Manifest,
		Image:        p.image,
		Domain:       t.Config.Domain,
		IngressClass: t.Config.IngressClass,
	}
}

func (t *Tools) render(p *pass) (namespace *unstructured.Unstructured, objects []*unstructured.Unstructured, err error) {
	namespace, err = render.Namespace(p.tool.TargetNamespace(), p.tool.Name, owner(p.tool))
	if err != nil {
		return nil, nil, err
	}
	objects, err = render.Objects(t.input(p))
	return namespace, objects, err
}

// prepare sees to the namespace: made when it is not there, refused when it is somebody else's.
func (t *Tools) prepare(ctx context.Context, p *pass, namespace *unstructured.Unstructured) result {
	live, err := t.live(ctx, namespace)
	if err == nil && live == nil {
		// It is made once. The cache may not show yet that somebody else has made it meanwhile.
		live, err = t.ask(ctx, namespace)
	}
	if err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	switch {
	case live == nil:
	case live.DeletionTimestamp != nil:
		return wait(api.ReasonWaiting, "namespace "+namespace.GetName()+" is being deleted", namespaceCheck)
	case !owned(live, p.tool.Name):
		return stall(api.ReasonNamespaceTaken, fmt.Sprintf(
			"namespace %s exists and is not this tool's: it has no label %s=%s", namespace.GetName(), api.ToolLabel, p.tool.Name))
	}
	return t.apply(ctx, p, namespace)
}

// owned tells whether an object is toolforged's and this tool's.
func owned(object client.Object, tool string) bool {
	labels := object.GetLabels()
	return labels[api.ManagedByLabel] == api.ManagedBy && labels[api.ToolLabel] == tool
}
