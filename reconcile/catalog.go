package reconcile

import (
	"context"
	"fmt"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// catalog finds the images of the platform's catalogue that the revision's processes run in. It costs no request.
func (t *Tools) catalog(ctx context.Context, p *pass) result {
	var list api.CatalogImageList
	r := result{outcome: done}
	for _, process := range p.revision.Manifest.Processes() {
		if process.Run.Image == "" {
			continue
		}
		if list.Items == nil {
			if err := t.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
				return fail(api.ReasonImageUnavailable, fmt.Errorf("list catalogue images: %w", err))
			}
		}
		entry := catalogImage(list.Items, process.Run.Image)
		switch {
		case entry == nil:
			r = wait(api.ReasonImageUnavailable, "image "+process.Run.Image+" is not in the catalogue any more", 0)
		case !meta.IsStatusConditionTrue(entry.Status.Conditions, fluxmeta.ReadyCondition):
			r = wait(api.ReasonImageUnavailable, "image "+entry.Name+" of the catalogue is not ready", 0)
		default:
			p.images[render.ImageName(process.Run)] = render.Image{Reference: entry.Status.Image, Command: entry.Spec.Command}
		}
	}
	return r
}
