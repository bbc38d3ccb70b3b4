package reconcile

import (
	"context"
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
)

// deployment is a revision that can be put into effect, and what it is rendered to.
type deployment struct {
	commit   string
	origin   manifest.Origin
	manifest *manifest.Manifest
	text     string
	// images are what its processes run in, by name.
	images map[string]render.Image
	// own are the Kubernetes objects that the tool brings itself.
	own     []*unstructured.Unstructured
	objects []*unstructured.Unstructured
	// preDeploy are its pre-deploy jobs, in their order, under their own names.
	preDeploy []*unstructured.Unstructured
	// key identifies the objects and the pre-deploy jobs.
	key string
}

// is tells whether a record speaks of this deployment.
func (d *deployment) is(commit, key string) bool { return d.commit == commit && d.key == key }

// choose decides what should run: the newest revision when it can be deployed and has not failed already; else what is
// under way; else what served last. So a mistake in a push leaves in effect what was, and keeps healing it. While pre-deploy
// jobs run, it is what served before that should run still.
func (t *Tools) choose(ctx context.Context, p *pass, deployable bool) error {
	status := &p.tool.Status
	if !deployable {
		record := status.Deploying
		if record == nil {
			record = status.Serving
		}
		if err := t.resume(ctx, p, record); err != nil {
			return err
		}
		return t.hesitate(ctx, p)
	}
	newest := &deployment{commit: p.commit, origin: originOf(p.tool), manifest: p.revision.Manifest, text: p.revision.Text, images: p.images, own: p.revision.Own}
	if err := t.render(ctx, p.tool, newest); err != nil {
		return err
	}
	last := latest(status)
	if last != nil && withheld(last, newest) {
		p.withheld = last
		return t.resume(ctx, p, status.Serving)
	}
	p.target = newest
	if last != nil && last.Outcome == api.OutcomeFailed && newest.is(last.Commit, last.Key) {
		if status.Serving == nil {
			return nil
		}
		p.takenBack = last
		return t.resume(ctx, p, status.Serving)
	}
	t.begin(p)
	return t.hesitate(ctx, p)
}

// resume makes what a record says the target; there is none where there is no record.
func (t *Tools) resume(ctx context.Context, p *pass, record *api.Deployment) error {
	if record == nil {
		return nil
	}
	origin := manifest.Origin{Repository: record.Repository, Ref: record.Ref}
	declared, err := declaredBy(record)
	if err != nil {
		return err
	}
	p.target = &deployment{commit: record.Commit, origin: origin, manifest: declared, text: record.Manifest, images: imagesOf(record.Images)}
	if p.target.own, err = decodeOwn(record.Objects); err != nil {
		return err
	}
	if err := t.render(ctx, p.tool, p.target); err != nil {
		return err
	}
	// Another version or configuration of the platform may render it to other objects: it is the same deployment still.
	if last := latest(&p.tool.Status); last != nil && last.Commit == record.Commit && last.Key == record.Key {
		last.Key = p.target.key
	}
	record.Key = p.target.key
	return nil
}

// declaredBy reads the manifest of a record again.
func declaredBy(record *api.Deployment) (*manifest.Manifest, error) {
	declared, problems := manifest.Parse([]byte(record.Manifest), manifest.Origin{Repository: record.Repository, Ref: record.Ref})
	if len(problems) > 0 {
		return nil, fmt.Errorf("read the %s of commit %.7s again: %w", manifestFile, record.Commit, problems)
	}
	return declared, nil
}

// render fills in what a deployment comes to.
func (t *Tools) render(ctx context.Context, tool *api.Tool, d *deployment) error {
	autoscaled, err := t.autoscaled(ctx, tool.TargetNamespace())
	if err != nil {
		return err
	}
	hosts, err := t.served(ctx, tool, d.manifest)
	if err != nil {
		return err
	}
	var provided map[string]string
	if refersTo(d.manifest) {
		if provided, err = t.provided(ctx, tool); err != nil {
			return err
		}
	}
	in := render.Input{
		Tool:            tool.Name,
		Namespace:       tool.TargetNamespace(),
		Manifest:        d.manifest,
		Images:          d.images,
		Domain:          t.Config.Domain,
		IngressClass:    t.Config.IngressClass,
		RolloutDeadline: t.Config.RolloutDeadline,
		Autoscaled:      autoscaled,
		Own:             d.own,
		Volumes:         t.Config.Policy.Mounted(tool.Spec.QuotaClass),
		Hosts:           hosts,
		Provided:        provided,
	}
	if d.objects, err = render.Objects(in); err != nil {
		return err
	}
	if d.preDeploy, err = render.PreDeployJobs(in); err != nil {
		return err
	}
	if len(d.objects)+len(d.preDeploy) == 0 && hasProcesses(d.manifest) {
		// Everything that the tool has would be deleted.
		return fmt.Errorf("commit %.7s declares something to run, and was rendered to nothing", d.commit)
	}
	d.key = render.Key(slices.Concat(d.objects, d.preDeploy))
	return nil
}

// begin notes that the target is deployed from now on, unless it is what serves or what is under way already.
func (t *Tools) begin(p *pass) {
	status := &p.tool.Status
	if now := status.Deploying; now != nil && p.target.is(now.Commit, now.Key) {
		return
	}
	if status.Deploying != nil {
		t.finish(status, api.OutcomeSuperseded, fmt.Sprintf("commit %.7s came before it was healthy", p.target.commit))
	}
	if serving := status.Serving; serving != nil && p.target.is(serving.Commit, serving.Key) {
		return
	}
	runs := runsOf(p.target, status)
	status.Deploying = p.target.record(t.now())
	status.History = slices.Insert(status.History, 0, api.PastDeployment{
		Commit:    p.target.commit,
		Images:    references(recordOf(p.target.images)),
		Key:       p.target.key,
		Cause:     p.target.cause(status.Serving),
		Outcome:   api.OutcomeProgressing,
		PreDeploy: runs,
		StartedAt: status.Deploying.Since,
	})
	status.History = status.History[:min(len(status.History), maxHistory)]
	forgetRuns(status.History)
}

// record is all that a deployment is rendered from, written down.
func (d *deployment) record(since metav1.Time) *api.Deployment {
	return &api.Deployment{
		Commit:     d.commit,
		Repository: d.origin.Repository,
		Ref:        d.origin.Ref,
		Images:     recordOf(d.images),
		Manifest:   d.text,
		Objects:    encodeOwn(d.own),
		Key:        d.key,
		Since:      since,
	}
}

// originOf is what a tool follows.
func originOf(tool *api.Tool) manifest.Origin {
	return manifest.Origin{Repository: tool.Spec.Repository, Ref: tool.Spec.Ref}
}

// maxHistory is how many deployments a tool's status remembers.
const maxHistory = 25

// cause says why a deployment is made, given what serves.
func (d *deployment) cause(serving *api.Deployment) string {
	switch {
	case serving == nil:
		return "first deployment"
	case serving.Commit != d.commit:
		return fmt.Sprintf("commit %.7s, was %.7s", d.commit, serving.Commit)
	case changedImage(serving.Images, d.images) != "":
		return changedImage(serving.Images, d.images)
	default:
		return "the platform renders it anew"
	}
}

// succeed notes that the target serves.
func (t *Tools) succeed(p *pass) {
	status := &p.tool.Status
	if serving := status.Serving; serving != nil && p.target.is(serving.Commit, serving.Key) {
		return
	}
	status.Serving = p.target.record(t.now())
	if last := latest(status); last != nil && p.target.is(last.Commit, last.Key) {
		t.finish(status, api.OutcomeSucceeded, "")
	}
}

// finish closes the newest entry of the history.
func (t *Tools) finish(status *api.ToolStatus, outcome api.Outcome, message string) {
	status.Deploying = nil
	if last := latest(status); last != nil {
		now := t.now()
		last.Outcome, last.Message, last.FinishedAt = outcome, clip(message, maxReason), &now
	}
}

// latest is the newest entry of the history; nil when there is none.
func latest(status *api.ToolStatus) *api.PastDeployment {
	if len(status.History) == 0 {
		return nil
	}
	return &status.History[0]
}

// now is the time as the API keeps it: in whole seconds.
func (t *Tools) now() metav1.Time { return metav1.NewTime(t.Now()).Rfc3339Copy() }
