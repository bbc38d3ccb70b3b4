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
	Compose(ctx context.Context, of registry.Composition) (registry.Builder, error)
	Digest(ctx context.Context, reference string) (string, error)
}

// Builders is the controller of Builder resources: it follows the tags of their images.
type Builders struct {
	Client   client.Client
	Registry BuilderImages
	// Repositories is the registry's prefix below which builders that are made of several images are kept.
	Repositories string
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
	default:
		conditions.MarkTrue(entry, meta.ReadyCondition, api.ReasonLastGood, "image %s stays in use: %s", image, failure)
	}
}

// look finds the digests behind the images of the spec and what the builder offers. Only what can be used is put into the status.
func (b *Builders) look(ctx context.Context, entry *api.Builder) error {
	composition := registry.Composition{Builder: entry.Spec.Image, To: b.Repositories + "/builders/" + entry.Name}
	for _, buildpackage := range entry.Spec.Buildpacks {
		composition.Buildpackages = append(composition.Buildpackages, buildpackage.Image)
	}
	found, err := b.Registry.Compose(ctx, composition)
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
	if err := provides(entry, found); err != nil {
		return err
	}
	entry.Status.Image, entry.Status.RunImage, entry.Status.PlatformAPI = found.Reference, run, platformAPI
	entry.Status.Lifecycle = found.Lifecycle
	entry.Status.Buildpacks = nil
	for _, buildpack := range found.Buildpacks {
		entry.Status.Buildpacks = append(entry.Status.Buildpacks, api.Buildpack{ID: buildpack.ID, Version: buildpack.Version})
	}
	return nil
}

// provides checks that the image has the buildpacks that the spec names.
func provides(entry *api.Builder, found registry.Builder) error {
	check := func(what string, ids []string) error {
		for _, id := range ids {
			if !slices.ContainsFunc(found.Buildpacks, func(k registry.Buildpack) bool { return k.ID == id }) {
				return fmt.Errorf("%s: builder image %s has no buildpack %s", what, entry.Spec.Image, id)
			}
		}
		return nil
	}
	for _, language := range entry.Spec.Languages {
		if err := check("language "+language.Name, language.Buildpacks); err != nil {
			return err
		}
	}
	if err := check("before", entry.Spec.Before); err != nil {
		return err
	}
	return check("always", entry.Spec.Always)
}

// SetupWithManager has the controller woken by changed specs.
func (b *Builders) SetupWithManager(manager ctrl.Manager) error {
	return ctrl.NewControllerManagedBy(manager).
		For(&api.Builder{}, builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Complete(b)
}
