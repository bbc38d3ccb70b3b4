package main

// All that the bench knows of the inside of toolforged is in this file.

import (
	"context"
	"fmt"
	"sync"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/sources"
)

const domain = "example.org"

// rolloutDeadline is longer than a round in deploys.go takes: rollouts that never become healthy are under way all the time.
const rolloutDeadline = 10 * time.Minute

// cacheOptions are those of the daemon.
func cacheOptions() cache.Options { return reconcile.CacheOptions(nil) }

// addController adds the controller of tools to a manager, as cmd/toolforged does, and returns what wakes a tool.
func addController(m ctrl.Manager, r *revisions, workers int) (wake func(tool string), err error) {
	waker := &reconcile.Waker{}
	tools := reconcile.NewTools(reconcile.Tools{
		Config:    reconcile.Config{Domain: domain, Scheme: "https", BuildNamespace: buildNamespace, RolloutDeadline: rolloutDeadline},
		Client:    m.GetClient(),
		Live:      m.GetAPIReader(),
		Revisions: r,
		Builds:    builds{},
		Events:    m.GetEventRecorder("toolforged"),
		Now:       time.Now,
	})
	if err := tools.SetupWithManager(m, waker, workers); err != nil {
		return nil, fmt.Errorf("set the controller of tools up: %w", err)
	}
	return waker.Wake, nil
}

// isApplied tells whether the status says that the fleet's newest commit is applied.
func (f Fleet) isApplied(tool *api.Tool) bool {
	seen := tool.Status.Seen
	return seen != nil && seen.Commit == f.commit(tool.Name) && apimeta.IsStatusConditionTrue(tool.Status.Conditions, api.Applied)
}

// isServing tells whether the status says that the fleet's newest commit is up.
func (f Fleet) isServing(tool *api.Tool) bool {
	serving := tool.Status.Serving
	return serving != nil && serving.Commit == f.commit(tool.Name) && f.isApplied(tool) &&
		apimeta.IsStatusConditionTrue(tool.Status.Conditions, fluxmeta.ReadyCondition)
}

// rendered are the objects of a tool: first what its namespace is prepared with, then what its manifest declares.
func (f Fleet) rendered(tool string) (prepared, declared []*unstructured.Unstructured, err error) {
	parsed, problems := manifest.Parse([]byte(f.Manifest), manifest.Origin{})
	if len(problems) > 0 {
		return nil, nil, problems
	}
	namespace, err := render.Namespace("tool-"+tool, tool, &metav1.OwnerReference{
		APIVersion: api.GroupVersion.String(), Kind: "Tool", Name: tool, UID: "1",
	})
	if err != nil {
		return nil, nil, err
	}
	in := render.Input{
		Tool: tool, Namespace: namespace.GetName(), Manifest: parsed, Images: map[string]render.Image{manifest.MainBuild: {Reference: image(tool, f.tree(tool))}}, Domain: domain,
		RolloutDeadline: rolloutDeadline,
	}
	surroundings, err := render.Surroundings(in)
	if err != nil {
		return nil, nil, err
	}
	declared, err = render.Objects(in)
	return append([]*unstructured.Unstructured{namespace}, surroundings...), declared, err
}

// keptKinds are the kinds of all that toolforged makes or writes to, but for events.
func keptKinds() []schema.GroupVersionKind {
	return append(reconcile.Kinds(), api.GroupVersion.WithKind("Tool"), schema.GroupVersionKind{Version: "v1", Kind: "Namespace"})
}

// isOwn tells whether a request is about an object of a tool's own. Others are about the Tool, the events that tell what
// became of it, the record of what served last, and the pods that say why something is not up.
func isOwn(c Call) bool {
	switch c.Resource {
	case "namespaces", "serviceaccounts", "networkpolicies", "deployments", "services", "ingresses", "cronjobs":
		return true
	}
	return false
}

// isStatus tells whether a request writes the status of a Tool.
func isStatus(c Call) bool { return c.Resource == "tools/status" }

// revisions stand in for the poller.
type revisions struct {
	mu     sync.Mutex
	fleets map[string]pushed
	// looked holds the tools that were looked at; nil when nobody wants to know.
	looked map[string]bool
}

// pushed is a fleet and what its manifest declares.
type pushed struct {
	Fleet
	declared *manifest.Manifest
}

// push has the newest revision of a fleet's tools be known.
func (r *revisions) push(f Fleet) error {
	declared, problems := manifest.Parse([]byte(f.Manifest), manifest.Origin{})
	if len(problems) > 0 {
		return problems
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fleets == nil {
		r.fleets = make(map[string]pushed)
	}
	r.fleets[f.Prefix] = pushed{f, declared}
	return nil
}

// Watch implements reconcile.Revisions.
func (r *revisions) Watch(string, sources.Repository, string, time.Duration) {}

// Forget implements reconcile.Revisions.
func (r *revisions) Forget(string) {}

// Latest implements reconcile.Revisions.
func (r *revisions) Latest(tool string) (sources.Observation[reconcile.Revision], bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.looked != nil {
		r.looked[tool] = true
	}
	f, known := r.fleets[prefixOf(tool)]
	if !known || f.Commit == 0 {
		return sources.Observation[reconcile.Revision]{}, false
	}
	return sources.Observation[reconcile.Revision]{
		Commit: f.commit(tool),
		Seen:   f.commit(tool),
		Value:  reconcile.Revision{Manifest: f.declared, Text: f.Manifest, Trees: map[string]string{manifest.MainBuild: f.tree(tool)}},
	}, true
}

// countLooked tells how many tools were looked at.
func (r *revisions) countLooked() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.looked)
}

// forgetLooked has nothing more be counted.
func (r *revisions) forgetLooked() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looked = nil
}

// builds succeed at once.
type builds struct{}

// Step implements reconcile.Builds.
func (builds) Step(_ context.Context, r build.Request, last *api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error) {
	key := r.Inputs.Key()
	if last != nil && last.Key == key {
		return *last, history, nil
	}
	return api.Build{
		Name: r.Name, Key: key, Commit: r.Commit, Source: r.Inputs.Tree, Builder: r.Inputs.Builder,
		State: api.BuildSucceeded, Image: image(r.Tool, r.Inputs.Tree), Processes: []string{"web"},
	}, history, nil
}

// Rest implements reconcile.Builds.
func (builds) Rest(_ context.Context, _ string, last api.Build, history []api.PastBuild) (api.Build, []api.PastBuild, error) {
	return last, history, nil
}

// Leave implements reconcile.Builds.
func (builds) Leave(_ context.Context, _ string, _ api.Build, history []api.PastBuild) (bool, []api.PastBuild, error) {
	return true, history, nil
}

// Doubt implements reconcile.Builds.
func (builds) Doubt(string) bool { return false }

// Forget implements reconcile.Builds.
func (builds) Forget(string) {}

func image(tool, tree string) string {
	return "registry.example/tool-" + tool + "/main@sha256:" + hash(tool, tree, 0)
}

// Interface guards.
var (
	_ reconcile.Revisions = (*revisions)(nil)
	_ reconcile.Builds    = builds{}
)
