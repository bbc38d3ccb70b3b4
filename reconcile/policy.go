package reconcile

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/policy"
)

// policy compares what the revision asks for with what the tool may have, before anything is built or applied.
func (t *Tools) policy(ctx context.Context, p *pass) result {
	allowed, err := t.allowed(ctx, p)
	if err != nil {
		return fail(api.ReasonNotAllowed, fmt.Errorf("find out what the tool may have: %w", err))
	}
	if problems := policy.Check(p.revision.Manifest, allowed); len(problems) > 0 {
		return stopped(p, api.ReasonNotAllowed, problems)
	}
	return valid(p)
}

// allowed is what the tool may ask for. It costs no request. Of a class that is not defined nothing is known here; that the
// surroundings say.
func (t *Tools) allowed(ctx context.Context, p *pass) (policy.Allowed, error) {
	allowed := policy.Allowed{Tool: p.tool.Name, Domain: t.Config.Domain, Volumes: len(t.Config.Policy.Volumes)}
	if class, known := t.Config.Policy.Classes[p.tool.Spec.QuotaClass]; known {
		allowed.Class = &class
	}
	var builders api.BuilderList
	if err := t.Client.List(ctx, &builders, client.UnsafeDisableDeepCopy); err != nil {
		return allowed, fmt.Errorf("list builders: %w", err)
	}
	allowed.Builders = make([]string, 0, len(builders.Items))
	for i := range builders.Items {
		builder := &builders.Items[i]
		allowed.Builders = append(allowed.Builders, builder.Name)
		if builder.Spec.Default && (allowed.DefaultBuilder == "" || builder.Name < allowed.DefaultBuilder) {
			allowed.DefaultBuilder = builder.Name
		}
	}
	var images api.CatalogImageList
	if err := t.Client.List(ctx, &images, client.UnsafeDisableDeepCopy); err != nil {
		return allowed, fmt.Errorf("list catalogue images: %w", err)
	}
	allowed.Images = offers(images.Items)
	var err error
	allowed.Hosts, err = t.owners(ctx, p.revision.Manifest)
	return allowed, err
}

// offers are the images of the catalogue, by name and alias.
func offers(entries []api.CatalogImage) map[string]policy.ImageOffer {
	images := make(map[string]policy.ImageOffer, len(entries))
	for i := range entries {
		for _, name := range append([]string{entries[i].Name}, entries[i].Spec.Aliases...) {
			images[name] = policy.ImageOffer{HasCommand: catalogImage(entries, name).Spec.Command != ""}
		}
	}
	return images
}
