package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
)

// recordWritten is when the record of a build that ended is surely in the status.
const recordWritten = time.Second

// images has every image made that the revision's processes run in, unless it is there already.
func (t *Tools) images(ctx context.Context, p *pass) result {
	p.images, p.forward = make(map[string]render.Image), make(map[string]bool)
	t.followOthers(p.tool.Name, p.revision.Manifest)
	if r := t.catalog(ctx, p); r.outcome != done {
		return r
	}
	names := p.revision.Manifest.BuildNames()
	left, r := t.leave(ctx, p, names)
	if len(names) == 0 {
		p.tool.Status.Builds = left
		p.deprecations.tell(p.tool)
		return r
	}
	// All of them are brought forward, whatever becomes of one.
	var all results
	if r.outcome != done {
		all = append(all, r)
	}
	records := make([]api.Build, 0, len(names))
	for _, name := range names {
		record, r := t.image(ctx, p, name)
		if record != nil {
			records = append(records, *record)
		}
		all = append(all, r)
	}
	p.tool.Status.Builds = append(records, left...)
	p.deprecations.tell(p.tool)
	p.offerProcesses()
	if problems := missingProcesses(p.revision.Manifest, p.images); len(problems) > 0 || len(p.problems) > 0 {
		return mistaken(p, problems)
	}
	return all.worst()
}

// leftCheck is when builds that were ended are looked at again.
const leftCheck = 5 * time.Second

// leave ends the builds that the manifest does not name any more, and returns the records of those that are not gone yet.
func (t *Tools) leave(ctx context.Context, p *pass, names []string) ([]api.Build, result) {
	var left []api.Build
	r := ok("nothing to build")
	for _, record := range p.tool.Status.Builds {
		if slices.Contains(names, record.Name) {
			continue
		}
		p.forward[record.Name] = true
		gone, history, err := t.Builds.Leave(ctx, p.tool.Name, record, p.tool.Status.BuildHistory)
		if err != nil {
			r = fail(api.ReasonBuilding, err)
		} else {
			p.tool.Status.BuildHistory = history
		}
		if !gone {
			p.again(leftCheck)
			left = append(left, record)
		}
	}
	return left, r
}

// results are those of the parts of one step.
type results []result

// worst is the first of the results that is worse than all before it, with the soonest time to look again of any.
func (all results) worst() result {
	worst := all[0]
	for _, r := range all[1:] {
		after := worst.after
		if r.outcome > worst.outcome {
			worst = r
		}
		if r.after != 0 && (after == 0 || r.after < after) {
			after = r.after
		}
		worst.after = after
	}
	return worst
}

// image brings one build forward. The record is nil when nothing is known of it.
func (t *Tools) image(ctx context.Context, p *pass, name string) (*api.Build, result) {
	last := lastBuild(p.tool, name)
	declared := p.revision.Manifest.Builds[name]
	source, r := t.sourceOf(ctx, p, name)
	if source == nil {
		return last, r
	}
	builder, r := t.builder(ctx, declared.Builder)
	if builder == nil {
		return last, r
	}
	p.deprecations.add(builder)
	order, problem := order(builder, p.tool.Spec.QuotaClass, declared.Stack)
	if problem != "" {
		return last, mistaken(p, manifest.Problems{p.revision.Manifest.Problem(stackPath(name), problem)})
	}
	p.forward[name] = true
	record, history, err := t.Builds.Step(ctx, t.request(p, name, *source, builder, order), last, p.tool.Status.BuildHistory)
	if err != nil {
		return last, fail(api.ReasonBuilding, err)
	}
	if last == nil || last.State != record.State || !equality.Semantic.DeepEqual(history, p.tool.Status.BuildHistory) {
		// Once the record is written, the pod of a build that ended can go.
		p.again(recordWritten)
	}
	p.tool.Status.BuildHistory = history
	r = t.built(p, record)
	if languages := catalogue(builder, p.tool.Spec.QuotaClass).LanguagesOf(record.Buildpacks); r.outcome == done && len(declared.Stack) == 0 &&
		len(languages) > 0 {
		r.message += " (detected: " + strings.Join(languages, ", ") + ")"
	}
	if r.outcome == done && source.stale != nil {
		r = result{outcome: degraded, reason: api.ReasonRepositoryFailed, message: fmt.Sprintf("build %s: %s", name, source.stale)}
	}
	return &record, r
}

// stackPath leads to the stack of a build in the file.
func stackPath(build string) string {
	if build == manifest.MainBuild {
		return "stack"
	}
	return "builds." + build + ".stack"
}

// built tells what a build's record means for the tool.
func (t *Tools) built(p *pass, record api.Build) result {
	what := fmt.Sprintf("commit %.7s", record.Commit)
	if record.Name != manifest.MainBuild {
		what = record.Name + ", " + what
	}
	after := build.RetryAt(record, t.Now())
	switch {
	case record.State == api.BuildSucceeded:
		p.images[record.Name] = render.Image{Reference: record.Image, Processes: record.Processes}
		return ok("image " + record.Image)
	case record.State == api.BuildFailed:
		return stall(api.ReasonBuildFailed, fmt.Sprintf("%s: the build failed in phase %s: %s", what, record.Phase, record.Message))
	case record.TroubleSince != nil && record.RetryAt != nil:
		return wait(api.ReasonRegistryFailed, fmt.Sprintf("%s: the build cannot go on: %s", what, record.Message), after)
	case record.State == api.BuildWaiting && record.QueuedAt != nil && record.RetryAt == nil:
		return wait(api.ReasonBuildQueued, fmt.Sprintf("%s: the build %s (%s)", what, record.Message, record.Reason), after)
	case record.State == api.BuildWaiting:
		return wait(api.ReasonBuilding, fmt.Sprintf("%s: the build waits: %s", what, record.Message), after)
	default:
		message := fmt.Sprintf("building %s: phase %s (%s)", what, record.Phase, record.Reason)
		if record.Message != "" {
			message += ": " + record.Message
		}
		return wait(api.ReasonBuilding, message, after)
	}
}

// rest takes the builds that were not brought forward out of the queue, so that nobody waits for them.
func (t *Tools) rest(ctx context.Context, p *pass) {
	for i := range p.tool.Status.Builds {
		record := &p.tool.Status.Builds[i]
		if p.forward[record.Name] {
			continue
		}
		now, history, err := t.Builds.Rest(ctx, p.tool.Name, *record, p.tool.Status.BuildHistory)
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "a build could not be looked at", "build", record.Name)
			p.again(askAgain)
			continue
		}
		if now.State == api.BuildRunning {
			p.again(build.RetryAt(now, t.Now()))
		}
		if now.State != record.State {
			p.again(recordWritten)
		}
		*record, p.tool.Status.BuildHistory = now, history
	}
}

func lastBuild(tool *api.Tool, name string) *api.Build {
	for i := range tool.Status.Builds {
		if tool.Status.Builds[i].Name == name {
			return &tool.Status.Builds[i]
		}
	}
	return nil
}

// builder is the builder of that name, or without a name the platform's default; nil and the reason when it cannot be used.
func (t *Tools) builder(ctx context.Context, name string) (*api.Builder, result) {
	var list api.BuilderList
	if err := t.Client.List(ctx, &list, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fail(api.ReasonBuilderUnavailable, fmt.Errorf("list builders: %w", err))
	}
	slices.SortFunc(list.Items, func(a, b api.Builder) int { return strings.Compare(a.Name, b.Name) })
	for i := range list.Items {
		builder := &list.Items[i]
		if builder.Name != name && (name != "" || !builder.Spec.Default) {
			continue
		}
		if !meta.IsStatusConditionTrue(builder.Status.Conditions, fluxmeta.ReadyCondition) {
			return nil, wait(api.ReasonBuilderUnavailable, "builder "+builder.Name+" is not ready", 0)
		}
		return builder, result{}
	}
	if name == "" {
		return nil, wait(api.ReasonBuilderUnavailable, "the platform has no default builder", 0)
	}
	return nil, wait(api.ReasonBuilderUnavailable, "the platform has no builder "+name, 0)
}

// request asks for the image of a build.
func (t *Tools) request(p *pass, name string, from buildSource, builder *api.Builder, order string) build.Request {
	declared := p.revision.Manifest.Builds[name]
	request := build.Request{
		Tool:       p.tool.Name,
		Owner:      owner(p.tool),
		Name:       name,
		Repository: from.repository,
		Commit:     from.commit,
		Path:       declared.Path,
		SecretName: from.secretName,
		Branch:     from.branch,
		Inputs: build.Inputs{
			Tree:    from.tree,
			Builder: builder.Status.Image,
			Order:   order,
			Env:     declared.Env,
		},
		Paths:         from.paths,
		Configuration: configuration(declared.Stack),
		RunImage:      builder.Status.RunImage,
		PlatformAPI:   builder.Status.PlatformAPI,
		Limits:        builder.Spec.Limits,
	}
	if serving := p.tool.Status.Serving; serving != nil {
		request.PreviousImage = imagesOf(serving.Images)[name].Reference
	}
	return request
}

// configuration is what else an image is made with, in words.
func configuration(stack []string) string {
	if len(stack) == 0 {
		return ""
	}
	return "stack " + strings.Join(stack, ", ")
}

func owner(tool *api.Tool) metav1.OwnerReference {
	return metav1.OwnerReference{
		APIVersion: api.GroupVersion.String(),
		Kind:       "Tool",
		Name:       tool.Name,
		UID:        tool.UID,
	}
}
