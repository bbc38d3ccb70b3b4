package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	"k8s.io/apimachinery/pkg/api/equality"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// BuilderImages is what the controller asks of a registry.
type BuilderImages interface {
	Builder(ctx context.Context, reference string) (registry.Builder, error)
	Digest(ctx context.Context, reference string) (string, error)
}

// Builders is the controller of Builder resources: it follows the tags of their images.
type Builders struct {
	Client   client.Client
	Registry BuilderImages
	// Interval is the time between two looks at the tags.
	Interval time.Duration
}

// Reconcile looks one builder's images up.
func (b *Builders) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	entry := &api.Builder{}
	if err := b.Client.Get(ctx, request.NamespacedName, entry); err != nil {
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	before := entry.DeepCopy()
	failure := b.look(ctx, entry)
	judge(entry, entry.Status.Image, failure)
	entry.Status.ObservedGeneration = entry.Generation
	if !equality.Semantic.DeepEqual(before.Status, entry.Status) {
		if err := b.Client.Status().Patch(ctx, entry, client.MergeFrom(before)); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(fmt.Errorf("write the status of builder %s: %w", entry.Name, err))
		}
	}
	return nextLook(b.Interval, failure)
}

// nextLook has an entry of a catalogue looked at again after the interval, or sooner after a failure.
func nextLook(interval time.Duration, failure error) (reconcile.Result, error) {
	if failure != nil {
		return reconcile.Result{}, failure
	}
	return reconcile.Result{RequeueAfter: interval}, nil
}

// judge says whether an entry of a catalogue can be used: what was found before stays in use when the registry fails.
func judge(entry conditions.Setter, image string, failure error) {
	switch {
	case failure == nil:
		conditions.MarkTrue(entry, meta.ReadyCondition, api.ReasonSucceeded, "image %s", image)
	case image == "":
		conditions.MarkFalse(entry, meta.ReadyCondition, api.ReasonRegistryFailed, "%s", failure)
	}
}

// look finds the digests behind the images of the spec and what the builder offers.
func (b *Builders) look(ctx context.Context, entry *api.Builder) error {
	if entry.Status.ObservedGeneration != entry.Generation {
		entry.Status.Image, entry.Status.RunImage = "", ""
	}
	found, err := b.Registry.Builder(ctx, entry.Spec.Image)
	if err != nil {
		return err
	}
	run, err := b.Registry.Digest(ctx, entry.Spec.RunImage)
	if err != nil {
		return err
	}
	platformAPI, err := build.PlatformAPI(found.PlatformAPIs)
	if err != nil {
		return fmt.Errorf("builder image %s: %w", entry.Spec.Image, err)
	}
	entry.Status.Image, entry.Status.RunImage, entry.Status.PlatformAPI = found.Reference, run, platformAPI
	entry.Status.Buildpacks = nil
	for _, buildpack := range found.Buildpacks {
		entry.Status.Buildpacks = append(entry.Status.Buildpacks, api.Buildpack{ID: buildpack.ID, Version: buildpack.Version})
	}
	return b.offers(entry)
}

// offers checks that the builder has what its languages stand for.
func (b *Builders) offers(entry *api.Builder) error {
	for _, language := range entry.Spec.Languages {
		for _, id := range language.Buildpacks {
			if !slices.ContainsFunc(entry.Status.Buildpacks, func(k api.Buildpack) bool { return k.ID == id }) {
				entry.Status.Image = ""
				return fmt.Errorf("language %s: builder image %s has no buildpack %s", language.Name, entry.Spec.Image, id)
			}
		}
	}
	return nil
}

// SetupWithManager has the controller woken by changed specs.
func (b *Builders) SetupWithManager(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		For(&api.Builder{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(b)
}
