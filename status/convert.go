package status

import (
	"cmp"
	"slices"
	"time"

	apimeta "github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/toolforge/toolforged/api/v1alpha1"
)

// The functions here only read their arguments: these may be the cache's own objects.

func summarise(t *v1alpha1.Tool) ToolSummary {
	s := ToolSummary{
		Name:      t.Name,
		Verdict:   verdictOf(t.Status.Conditions, t.Generation, t.Status.ObservedGeneration),
		Suspended: t.Spec.Suspend,
		Deleting:  t.DeletionTimestamp != nil,
		URL:       t.Status.URL,
	}
	if seen := t.Status.Seen; seen != nil {
		s.SeenCommit, s.SeenAt = seen.Commit, utc(&seen.SeenAt)
	}
	if serving := t.Status.Serving; serving != nil {
		s.ServingCommit, s.ServingSince = serving.Commit, utc(&serving.Since)
	}
	return s
}

func describe(t *v1alpha1.Tool) Tool {
	tool := Tool{
		ToolSummary: summarise(t),
		Repository:  t.Spec.Repository,
		Ref:         t.Spec.Ref,
		Namespace:   t.TargetNamespace(),
		QuotaClass:  t.Spec.QuotaClass,
		PublicKey:   t.Status.PublicKey,
		Images:      []Image{},
		Conditions:  conditionsOf(t.Status.Conditions),
		History:     collect(t.Status.History, deploymentOf),
		Healed:      collect(t.Status.Healed, healedOf),
		Problems:    collect(t.Status.Problems, problemOf),
		Builds:      collect(t.Status.Builds, buildOf),
		Inventory:   collect(t.Status.Inventory, objectOf),
	}
	if t.Status.Serving != nil {
		tool.Images = collect(t.Status.Serving.Images, imageOf)
	}
	if c := t.Status.Conversion; c != nil {
		tool.Conversion = &Conversion{Format: c.Format, Notes: collect(c.Notes, problemOf), V1: c.V1}
	}
	if t.Status.Deploying != nil {
		tool.DeployingCommit = t.Status.Deploying.Commit
	}
	return tool
}

func describeBuilder(b *v1alpha1.Builder) Builder {
	described := Builder{
		Name:           b.Name,
		Verdict:        verdictOf(b.Status.Conditions, b.Generation, b.Status.ObservedGeneration),
		Default:        b.Spec.Default,
		Image:          b.Spec.Image,
		RunImage:       b.Spec.RunImage,
		ImageDigest:    b.Status.Image,
		RunImageDigest: b.Status.RunImage,
		Languages:      collect(b.Spec.Languages, languageOf),
		Buildpacks:     collect(b.Status.Buildpacks, func(p v1alpha1.Buildpack) Buildpack { return Buildpack(p) }),
		PlatformAPI:    b.Status.PlatformAPI,
		Lifecycle:      b.Status.Lifecycle,
		Added:          collect(b.Spec.Buildpacks, func(p v1alpha1.BuildpackImage) string { return p.Image }),
		Every:          slices.Concat([]string{}, b.Spec.Before, b.Spec.Always),
		Conditions:     conditionsOf(b.Status.Conditions),
	}
	if end := b.Spec.Deprecated; end != nil {
		described.Deprecated = &Deprecation{Since: end.Since, Until: end.Until, UseInstead: end.UseInstead, Message: message(end.Message)}
	}
	return described
}

func verdictOf(conditions []metav1.Condition, generation, observed int64) Verdict {
	v := Verdict{Ready: string(metav1.ConditionUnknown), Stale: observed < generation}
	i := slices.IndexFunc(conditions, func(c metav1.Condition) bool { return c.Type == apimeta.ReadyCondition })
	if i >= 0 {
		ready := conditionOf(conditions[i])
		v.Ready, v.Reason, v.Message, v.Since = ready.Status, ready.Reason, ready.Message, ready.Since
	}
	return v
}

// steps is the order in which conditions are shown.
var steps = []string{
	apimeta.ReadyCondition,
	v1alpha1.SourceReady,
	v1alpha1.ManifestValid,
	v1alpha1.ImagesReady,
	v1alpha1.Released,
	v1alpha1.Applied,
	v1alpha1.Healthy,
}

func conditionsOf(conditions []metav1.Condition) []Condition {
	rank := func(c Condition) int {
		if i := slices.Index(steps, c.Type); i >= 0 {
			return i
		}
		return len(steps)
	}
	sorted := collect(conditions, conditionOf)
	slices.SortFunc(sorted, func(a, b Condition) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Type, b.Type))
	})
	return sorted
}

func conditionOf(c metav1.Condition) Condition {
	return Condition{
		Type:    c.Type,
		Status:  string(c.Status),
		Reason:  c.Reason,
		Message: message(c.Message),
		Since:   utc(&c.LastTransitionTime),
	}
}

func imageOf(i v1alpha1.Image) Image { return Image{Name: i.Name, Reference: i.Reference} }

func deploymentOf(d v1alpha1.PastDeployment) Deployment {
	return Deployment{
		Commit:     d.Commit,
		Images:     collect(d.Images, imageOf),
		Cause:      message(d.Cause),
		Outcome:    string(d.Outcome),
		Message:    message(d.Message),
		PreDeploy:  collect(d.PreDeploy, preDeployOf),
		StartedAt:  utc(&d.StartedAt),
		FinishedAt: utc(d.FinishedAt),
	}
}

func preDeployOf(r v1alpha1.PreDeployRun) PreDeployRun {
	return PreDeployRun{
		Name:       r.Name,
		State:      string(r.State),
		ExitCode:   r.ExitCode,
		Message:    message(r.Message),
		Job:        r.Job,
		StartedAt:  utc(r.StartedAt),
		FinishedAt: utc(r.FinishedAt),
	}
}

func healedOf(h v1alpha1.Healed) Healed {
	return Healed{Kind: h.Kind, Name: h.Name, What: message(h.What), Times: h.Times, At: utc(&h.At)}
}

func problemOf(p v1alpha1.Problem) Problem {
	return Problem{Line: p.Line, Column: p.Column, Message: message(p.Message), Section: message(p.Section)}
}

func buildOf(b v1alpha1.Build) Build {
	return Build{
		Name:       b.Name,
		State:      string(b.State),
		Phase:      b.Phase,
		Reason:     message(b.Reason),
		Message:    message(b.Message),
		Commit:     b.Commit,
		Key:        b.Key,
		Attempts:   b.Attempts,
		Image:      b.Image,
		Processes:  collect(b.Processes, message),
		Buildpacks: collect(b.Buildpacks, message),
		StartedAt:  utc(b.StartedAt),
		FinishedAt: utc(b.FinishedAt),
		Log:        logEnd(b.Log),
	}
}

func objectOf(o v1alpha1.Object) Object {
	return Object{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
}

func languageOf(l v1alpha1.Language) Language {
	return Language{Name: l.Name, Buildpacks: append([]string{}, l.Buildpacks...),
		QuotaClasses: append([]string{}, l.QuotaClasses...)}
}

// collect converts each element; the result is never nil, so that JSON has [] and not null.
func collect[From, To any](from []From, convert func(From) To) []To {
	to := make([]To, 0, len(from))
	for _, f := range from {
		to = append(to, convert(f))
	}
	return to
}

func utc(t *metav1.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}
