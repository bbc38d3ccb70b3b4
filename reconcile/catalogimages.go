package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Digests finds the digest behind a tag.
type Digests interface {
	Digest(ctx context.Context, reference string) (string, error)
}

// CatalogImages is the controller of CatalogImage resources: it follows the tags of their images.
type CatalogImages struct {
	Client   client.Client
	Registry Digests
	// Interval is the time between two looks at the tags.
	Interval time.Duration
}

// Reconcile looks one image up.
func (c *CatalogImages) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	entry := &api.CatalogImage{}
	if err := c.Client.Get(ctx, request.NamespacedName, entry); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	before := entry.DeepCopy()
	if entry.Status.ObservedGeneration != entry.Generation {
		entry.Status.Image = ""
	}
	image, failure := c.Registry.Digest(ctx, entry.Spec.Image)
	if failure == nil {
		entry.Status.Image = image
	}
	judge(entry, entry.Status.Image, failure)
	entry.Status.ObservedGeneration = entry.Generation
	if !equality.Semantic.DeepEqual(before.Status, entry.Status) {
		if err := c.Client.Status().Patch(ctx, entry, client.MergeFrom(before)); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(fmt.Errorf("write the status of catalogue image %s: %w", entry.Name, err))
		}
	}
	return nextLook(c.Interval, failure)
}

// SetupWithManager has the controller woken by changed specs.
func (c *CatalogImages) SetupWithManager(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		For(&api.CatalogImage{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(c)
}

// catalogImage finds an entry of the catalogue by its name or one of its aliases; nil when there is none. A name comes before
// an alias, and of two entries with one alias the first by name is taken.
func catalogImage(entries []api.CatalogImage, name string) *api.CatalogImage {
	var found *api.CatalogImage
	for i := range entries {
		entry := &entries[i]
		switch {
		case entry.Name == name:
			return entry
		case slices.Contains(entry.Spec.Aliases, name) && (found == nil || entry.Name < found.Name):
			found = entry
		}
	}
	return found
}
