package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// writer is the client that writes an object: the daemon's own, but for what the tool brings itself. That is written with
// the rights of the tool's own service account, which has none elsewhere.
func (t *Tools) writer(object client.Object) (client.Client, error) {
	if !render.IsOwn(object) {
		return t.Client, nil
	}
	return t.Own(object.GetNamespace(), render.OwnName)
}

// tryOwn asks the API server what it thinks of the objects that the tool brings itself, before anything of the deployment is
// written: a mistake in one must not leave half of it applied. What is there already costs no request.
func (t *Tools) tryOwn(ctx context.Context, p *pass) result {
	for _, object := range p.target.objects {
		if render.IsOwnAccess(object) {
			if r := t.apply(ctx, p, object); r.outcome > degraded {
				return r
			}
		}
	}
	for _, object := range p.target.objects {
		recorded := entry(p.tool, object)
		if !render.IsOwn(object) || recorded != nil && recorded.Hash == object.GetAnnotations()[render.HashAnnotation] {
			continue
		}
		_, err := t.write(ctx, object, client.ForceOwnership, client.DryRunAll)
		switch {
		case err == nil:
		case apierrors.IsForbidden(err) && t.justBegun(p.tool):
			return wait(api.ReasonWaiting, "waiting for the rights to apply "+nameOf(object), ownRetry)
		case apierrors.IsForbidden(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
			message := fmt.Sprintf("%s is refused: %v", nameOf(object), err)
			if now := p.tool.Status.Deploying; now != nil && p.target.is(now.Commit, now.Key) {
				t.finish(&p.tool.Status, api.OutcomeFailed, message)
				p.again(cacheCheck)
			}
			return stall(api.ReasonApplyFailed, fmt.Sprintf("commit %.7s: %s", p.target.commit, message))
		default:
			return refused(object, err)
		}
	}
	return result{outcome: done}
}

// Rights that were given just now are not known to every API server at once.
const (
	ownRetry   = time.Second
	rightsLate = 10 * time.Second
)

func (t *Tools) justBegun(tool *api.Tool) bool {
	deploying := tool.Status.Deploying
	return deploying != nil && t.Now().Sub(deploying.Since.Time) < rightsLate
}

// ownHealth looks at an object that the tool brings itself and that is no Deployment. It costs a request when the object has
// changed since it was last found well.
func (t *Tools) ownHealth(ctx context.Context, p *pass, object *unstructured.Unstructured) result {
	live, err := t.live(ctx, object)
	if err != nil {
		return fail(api.ReasonRollingOut, err)
	}
	if live == nil {
		return wait(api.ReasonRollingOut, fmt.Sprintf("commit %.7s: %s is not there yet", p.target.commit, nameOf(object)), 0)
	}
	if t.well.is(object, live.ResourceVersion) {
		return ok("")
	}
	now := reference(object.GroupVersionKind(), object.GetNamespace(), object.GetName())
	if found, err := found(t.Live.Get(ctx, client.ObjectKeyFromObject(now), now), object); !found {
		if err != nil {
			return fail(api.ReasonRollingOut, err)
		}
		return wait(api.ReasonRollingOut, fmt.Sprintf("commit %.7s: %s is not there yet", p.target.commit, nameOf(object)), 0)
	}
	computed, err := status.Compute(now)
	if err != nil {
		return fail(api.ReasonRollingOut, fmt.Errorf("compute the status of %s: %w", nameOf(object), err))
	}
	message := fmt.Sprintf("commit %.7s: %s: %s", p.target.commit, nameOf(object), computed.Message)
	switch computed.Status {
	case status.CurrentStatus:
		t.well.note(object, now.GetResourceVersion())
		return ok("")
	case status.FailedStatus:
		return stall(api.ReasonUnhealthy, message)
	}
	return wait(api.ReasonRollingOut, message, 0)
}
