package reconcile

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// shelf is a registry with one builder.
type shelf struct {
	builder registry.Builder
	err     error
	asked   registry.Composition
}

func (s *shelf) Compose(_ context.Context, of registry.Composition) (registry.Builder, error) {
	s.asked = of
	return s.builder, s.err
}

func (s *shelf) Digest(_ context.Context, reference string) (string, error) {
	return reference + "@digest", nil
}

func TestBuilders(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := api.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	entry := &api.Builder{
		ObjectMeta: metav1.ObjectMeta{Name: "bookworm", Generation: 1},
		Spec: api.BuilderSpec{
			Image: "builder:1", RunImage: "run",
			Languages:  []api.Language{{Name: "rust", Buildpacks: []string{"other/rust"}}},
			Buildpacks: []api.BuildpackImage{{Image: "other/rust:1"}},
		},
	}
	s := &shelf{builder: registry.Builder{Reference: "builder@good", PlatformAPIs: []string{"0.13"}, Lifecycle: "0.20.11",
		Buildpacks: []registry.Buildpack{{ID: "other/rust", Version: "1"}}}}
	kube := fake.NewClientBuilder().WithScheme(scheme).WithObjects(entry).WithStatusSubresource(entry).Build()
	controller := &Builders{Client: kube, Registry: s, Repositories: "registry/prefix"}
	look := func(ready metav1.ConditionStatus, reason, message string) *api.Builder {
		t.Helper()
		_, _ = controller.Reconcile(t.Context(), reconcile.Request{NamespacedName: client.ObjectKeyFromObject(entry)})
		found := &api.Builder{}
		if err := kube.Get(t.Context(), client.ObjectKeyFromObject(entry), found); err != nil {
			t.Fatal(err)
		}
		condition := conditions.Get(found, meta.ReadyCondition)
		if condition == nil || condition.Status != ready || condition.Reason != reason || !strings.Contains(condition.Message, message) {
			t.Fatalf("condition %+v; want %s/%s with %q", condition, ready, reason, message)
		}
		return found
	}

	// Until there is one that can be used, it is not ready.
	s.builder.PlatformAPIs = []string{"0.3"}
	look(metav1.ConditionFalse, api.ReasonRegistryFailed, "speaks the platform APIs 0.3; toolforged speaks those from 0.12 to 0.15")

	s.builder.PlatformAPIs = []string{"0.13"}
	found := look(metav1.ConditionTrue, api.ReasonSucceeded, "image builder@good")
	if found.Status.Image != "builder@good" || found.Status.PlatformAPI != "0.13" || found.Status.Lifecycle != "0.20.11" || found.Status.RunImage != "run@digest" {
		t.Errorf("status %+v", found.Status)
	}
	if s.asked.To != "registry/prefix/builders/bookworm" || len(s.asked.Buildpackages) != 1 || s.asked.Builder != "builder:1" {
		t.Errorf("asked for %+v", s.asked)
	}

	// One that breaks stays in use as it was, all of it, and says so.
	s.builder = registry.Builder{Reference: "builder@bad", PlatformAPIs: []string{"0.15"}}
	found = look(metav1.ConditionTrue, api.ReasonLastGood,
		"image builder@good stays in use: language rust: builder image builder:1 has no buildpack other/rust")
	if found.Status.Image != "builder@good" || found.Status.PlatformAPI != "0.13" || len(found.Status.Buildpacks) != 1 {
		t.Errorf("status %+v", found.Status)
	}
	s.err = errors.New("the registry burns")
	look(metav1.ConditionTrue, api.ReasonLastGood, "the registry burns")

	s.err, s.builder.Buildpacks = nil, []registry.Buildpack{{ID: "other/rust", Version: "2"}}
	if found = look(metav1.ConditionTrue, api.ReasonSucceeded, ""); found.Status.Image != "builder@bad" {
		t.Errorf("status %+v", found.Status)
	}
}
