package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/registry"
)

// recordWritten is when the record of a build that ended is surely in the status.
const recordWritten = time.Second

// images has the tool's image built, unless a build of the same inputs made it before.
func (t *Tools) images(ctx context.Context, p *pass) result {
	if !hasProcesses(p.revision.Manifest) {
		return ok("nothing to run, nothing to build")
	}
	builder, r := t.builder(ctx)
	if builder == nil {
		return r
	}
	request, problem := t.request(p, builder)
	if problem != "" {
		return mistaken(p, manifest.Problems{p.revision.Manifest.Problem("stack", problem)})
	}
	last := lastBuild(p.tool)
	record, err := t.Builds.Step(ctx, request, last)
	if err != nil {
		return fail(api.ReasonBuilding, err)
	}
	if last == nil || last.State != record.State {
		// Once the record is written, the pod of a build that ended can go.
		p.again(recordWritten)
	}
	p.tool.Status.Builds = []api.Build{record}
	return t.built(p, record)
}

// built tells what a build's record means for the tool.
func (t *Tools) built(p *pass, record api.Build) result {
	switch record.State {
	case api.BuildSucceeded:
		if problems := missingProcesses(p.revision.Manifest, record.Processes); len(problems) > 0 {
			return mistaken(p, problems)
		}
		p.image = record.Image
		return ok("image " + record.Image)
	case api.BuildFailed:
		return stall(api.ReasonBuildFailed, fmt.Sprintf("commit %.7s: the build failed in phase %s: %s",
			record.Commit, record.Phase, record.Message))
	case api.BuildWaiting:
		return wait(api.ReasonBuilding, fmt.Sprintf("commit %.7s: the build waits: %s", record.Commit, record.Message),
			build.RetryAt(record))
	default:
		message := fmt.Sprintf("building commit %.7s: phase %s (%s)", record.Commit, record.Phase, record.Reason)
		if record.Message != "" {
			message += ": " + record.Message
		}
		return wait(api.ReasonBuilding, message, build.RetryAt(record))
	}
}

func lastBuild(tool *api.Tool) *api.Build {
	for i := range tool.Status.Builds {
		if tool.Status.Builds[i].Name == manifest.MainBuild {
			return &tool.Status.Builds[i]
		}
	}
	return nil
}

// builder is the platform's default builder, ready to use; nil and the reason when there is none.
func (t *Tools) builder(ctx context.Context) (*api.Builder, result) {
	var list api.BuilderList
	if err := t.Client.List(ctx, &list); err != nil {
		return nil, fail(api.ReasonBuilderUnavailable, fmt.Errorf("list builders: %w", err))
	}
	slices.SortFunc(list.Items, func(a, b api.Builder) int { return strings.Compare(a.Name, b.Name) })
	for i := range list.Items {
		builder := &list.Items[i]
		if !builder.Spec.Default {
			continue
		}
		if !meta.IsStatusConditionTrue(builder.Status.Conditions, fluxmeta.ReadyCondition) {
			return nil, wait(api.ReasonBuilderUnavailable, "builder "+builder.Name+" is not ready", 0)
		}
		return builder, result{}
	}
	return nil, wait(api.ReasonBuilderUnavailable, "the platform has no default builder", 0)
}

// request asks for the tool's image. The problem, if any, is in what the maintainers wrote as the stack.
func (t *Tools) request(p *pass, builder *api.Builder) (request build.Request, problem string) {
	declared := p.revision.Manifest.Builds[manifest.MainBuild]
	order, problem := order(builder, declared.Stack)
	if problem != "" {
		return build.Request{}, problem
	}
	request = build.Request{
		Tool:       p.tool.Name,
		Owner:      owner(p.tool),
		Name:       manifest.MainBuild,
		Repository: p.tool.Spec.Repository,
		Commit:     p.commit,
		Path:       declared.Path,
		Inputs: build.Inputs{
			Tree:    p.revision.Tree,
			Builder: builder.Status.Image,
			Order:   order,
			Env:     declared.Env,
		},
		RunImage:    builder.Status.RunImage,
		PlatformAPI: builder.Status.PlatformAPI,
	}
	if p.tool.Spec.SecretRef != nil {
		request.SecretName = p.tool.Spec.SecretRef.Name
	}
	if serving := p.tool.Status.Serving; serving != nil && len(serving.Images) > 0 {
		request.PreviousImage = serving.Images[0].Reference
	}
	return request, ""
}

// order is the detection order for a stack; empty for none.
func order(builder *api.Builder, stack []string) (order, problem string) {
	if len(stack) == 0 {
		return "", ""
	}
	var buildpacks, names []string
	for _, language := range builder.Spec.Languages {
		names = append(names, language.Name)
	}
	for _, name := range stack {
		at := slices.Index(names, name)
		if at < 0 {
			return "", fmt.Sprintf("there is no language %q; builder %s has: %s", name, builder.Name, strings.Join(names, ", "))
		}
		buildpacks = append(buildpacks, builder.Spec.Languages[at].Buildpacks...)
	}
	known := make([]registry.Buildpack, 0, len(builder.Status.Buildpacks))
	for _, buildpack := range builder.Status.Buildpacks {
		known = append(known, registry.Buildpack{ID: buildpack.ID, Version: buildpack.Version})
	}
	order, err := build.Order(known, buildpacks, builder.Spec.Always)
	if err != nil {
		return "", err.Error()
	}
	return order, ""
}

func owner(tool *api.Tool) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: api.GroupVersion.String(),
		Kind:       "Tool",
		Name:       tool.Name,
		UID:        tool.UID,
	}
}
