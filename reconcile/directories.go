package reconcile

import (
	"context"
	"fmt"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/runtime/conditions"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/directory"
	"github.com/toolforge/toolforged/sources"
)

// maxTold is how many problems, and names of Tools, the status of a Directory has.
const maxTold = 50

// Directories is the controller of Directory resources: it keeps Tools as the files of a repository say. What it needs, it has
// from the controller of tools.
type Directories struct{ Tools *Tools }

// directoryPass is one walk of one Directory.
type directoryPass struct {
	directory *api.Directory
	commit    string
	listing   directory.Listing
	plan      directory.Plan
}

// Reconcile takes one Directory through all that is possible now.
func (d *Directories) Reconcile(ctx context.Context, request reconcile.Request) (reconcile.Result, error) {
	of := &api.Directory{}
	if err := d.Tools.Client.Get(ctx, request.NamespacedName, of); err != nil {
		if client.IgnoreNotFound(err) == nil {
			d.Tools.Revisions.Forget(directoryWatch + request.Name)
		}
		return reconcile.Result{}, client.IgnoreNotFound(err)
	}
	before := of.DeepCopy()
	all := d.walk(ctx, of)
	if len(all) > 0 {
		of.Status.ObservedGeneration = of.Generation
		decisive := all.decisive()
		if decisive.outcome == degraded {
			decisive.outcome = stalled // until there is another commit, or somebody acts
		}
		sumUp(of, all, decisive)
	}
	if !equality.Semantic.DeepEqual(before.Status, of.Status) {
		if err := d.Tools.Client.Status().Patch(ctx, of, client.MergeFrom(before)); err != nil {
			return reconcile.Result{}, client.IgnoreNotFound(fmt.Errorf("write the status of directory %s: %w", of.Name, err))
		}
		d.announce(before, of)
	}
	if failure := all.failure(); failure != nil {
		return reconcile.Result{}, fmt.Errorf("%s: %s", failure.reason, failure.message)
	}
	return reconcile.Result{RequeueAfter: all.after(0)}, nil
}

// announce makes an event of a new verdict.
func (d *Directories) announce(before, of *api.Directory) {
	_, oldReason, oldMessage := readyEvent(before)
	eventType, reason, message := readyEvent(of)
	if reason != oldReason || message != oldMessage {
		d.Tools.Events.Eventf(of, nil, eventType, reason, "Reconcile", "%s", clip(message, maxNote))
	}
}

// walk takes a Directory through its steps; none when nothing new is known.
func (d *Directories) walk(ctx context.Context, of *api.Directory) verdicts {
	if of.Spec.Suspend {
		d.Tools.Revisions.Forget(directoryWatch + of.Name)
		of.Status.ObservedGeneration = of.Generation
		conditions.Delete(of, meta.ReconcilingCondition)
		conditions.Delete(of, meta.StalledCondition)
		conditions.MarkUnknown(of, meta.ReadyCondition, api.ReasonSuspended, "suspended by an administrator: no Tool is made, changed or removed")
		return nil
	}
	p := &directoryPass{directory: of}
	steps := []struct {
		condition string
		run       func(context.Context, *directoryPass) result
	}{
		{api.SourceReady, d.source},
		{api.FilesValid, d.files},
		{api.RemovalsAllowed, d.removals},
		{api.Applied, d.apply},
	}
	var all verdicts
	for _, step := range steps {
		r := step.run(ctx, p)
		if r.reason == "" {
			return nil // nothing is known yet; what the status says stays true
		}
		r.message = clip(r.message, maxMessage)
		all = append(all, verdict{step.condition, r})
		if r.outcome > degraded {
			break
		}
	}
	if len(all) == len(steps) {
		// The API server may have refused what a file says.
		all[1].result = d.judgeFiles(p)
		all[1].message = clip(all[1].message, maxMessage)
	}
	return all
}

// source has the repository watched and takes the newest commit of it.
func (d *Directories) source(ctx context.Context, p *directoryPass) result {
	spec := &p.directory.Spec
	repository := sources.Repository{URL: spec.Repository, Ref: spec.Ref}
	secret := d.Tools.Config.HostSecrets.of(spec.Repository)
	if spec.SecretRef != nil {
		secret = spec.SecretRef.Name
	}
	if secret != "" {
		credentials, r := d.Tools.credentials(ctx, secret)
		if credentials == nil {
			return r
		}
		repository.Credentials = credentials
	}
	watched, reading := directoryWatch+p.directory.Name, directoryReading+spec.Path
	d.Tools.Revisions.Watch(watched, repository, reading, spec.Interval.Duration)
	seen, polled := d.Tools.Revisions.Latest(watched)
	switch {
	case !polled, seen.Err == nil && seen.Reading != reading:
		if p.directory.Status.ObservedGeneration == p.directory.Generation {
			return result{outcome: waiting}
		}
		return wait(api.ReasonPolling, "asking "+spec.Repository+" for "+spec.Ref, 0)
	case seen.Commit == "", seen.Reading != reading:
		return stall(api.ReasonRepositoryFailed, seen.Err.Error())
	}
	p.commit, p.listing = seen.Commit, seen.Value.Listing
	status := &p.directory.Status
	if status.Seen == nil || status.Seen.Commit != seen.Commit {
		status.Seen = &api.Revision{Commit: seen.Commit, SeenAt: metav1.NewTime(d.Tools.Now()).Rfc3339Copy()}
	}
	signer := ""
	if spec.Verify != nil {
		keys, r := keysOf(ctx, d.Tools.Live, d.Tools.Config.BuildNamespace, spec.Verify)
		if keys == nil {
			return r
		}
		by, err := keys.Verify(seen.Value.Signature, d.Tools.Now())
		if err != nil {
			return unsigned("commit", seen.Commit, err)
		}
		signer = ", signed by " + by.String()
	}
	if seen.Err != nil {
		return result{outcome: degraded, reason: api.ReasonRepositoryFailed, message: seen.Err.Error()}
	}
	return ok(fmt.Sprintf("%s is at commit %s", spec.Ref, seen.Commit) + signer)
}

// files plans what has to be done, and says what is wrong with the files.
func (d *Directories) files(ctx context.Context, p *directoryPass) result {
	status := &p.directory.Status
	if p.listing.Missing != "" {
		status.Files, status.Problems = 0, nil
		return stall(api.DirectoryMissing, p.listing.Missing+"; no Tool is changed or removed")
	}
	var tools api.ToolList
	if err := d.Tools.Client.List(ctx, &tools, client.UnsafeDisableDeepCopy); err != nil {
		return fail(api.ReasonApplyFailed, fmt.Errorf("list Tools: %w", err))
	}
	var others api.DirectoryList
	if err := d.Tools.Client.List(ctx, &others, client.UnsafeDisableDeepCopy); err != nil {
		return fail(api.ReasonApplyFailed, fmt.Errorf("list Directories: %w", err))
	}
	exist := make(map[string]bool, len(others.Items))
	for i := range others.Items {
		exist[others.Items[i].Name] = true
	}
	p.plan = directory.Make(p.directory.Name, p.listing, tools.Items, func(name string) bool { return exist[name] }, bounds(p))
	status.Files, status.Tools = int32(len(p.listing.Files)), int32(p.plan.Owned)
	return d.judgeFiles(p)
}

func (d *Directories) judgeFiles(p *directoryPass) result {
	problems := p.plan.Problems
	p.directory.Status.Problems = problems[:min(len(problems), maxTold):min(len(problems), maxTold)]
	if len(problems) == 0 {
		return ok(fmt.Sprintf("%d files without mistakes", len(p.listing.Files)))
	}
	message := fmt.Sprintf("%d mistakes, whose Tools stay as they are: ", len(problems))
	if len(problems) == 1 {
		message = "the Tool stays as it is: "
	}
	told := make([]string, 0, 3)
	for _, problem := range problems[:min(len(problems), 3)] {
		told = append(told, at(problem)+": "+problem.Message)
	}
	if len(problems) > len(told) {
		told = append(told, "…")
	}
	return result{outcome: degraded, reason: api.DirectoryFilesInvalid, message: message + strings.Join(told, "; ")}
}

// at is where a problem is: file:line:column.
func at(p api.FileProblem) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

func bounds(p *directoryPass) directory.Bounds {
	b := directory.Bounds{Percent: 10, Number: 1, All: p.directory.Annotations[api.AllowRemovals] == p.commit}
	if percent := p.directory.Spec.Removals.Percent; percent != nil {
		b.Percent = int(*percent)
	}
	if number := p.directory.Spec.Removals.Number; number != nil {
		b.Number = int(*number)
	}
	return b
}

// removals says whether more Tools would go than may.
func (d *Directories) removals(_ context.Context, p *directoryPass) result {
	withheld := p.plan.Withheld
	p.directory.Status.Withheld = withheld[:min(len(withheld), maxTold):min(len(withheld), maxTold)]
	if len(withheld) == 0 {
		return ok("no more Tools are removed than may be")
	}
	b := bounds(p)
	return result{outcome: degraded, reason: api.DirectoryRemovalsRefused, message: fmt.Sprintf(
		"commit %.7s does not list %d of the directory's %d Tools, among them %s, and none of them is removed: at most %d%% of them may go at once, or %d, and never all; "+
			"if that is meant, `kubectl annotate --overwrite directory %s %s=%s`",
		p.commit, len(withheld), p.plan.Owned, strings.Join(withheld[:min(len(withheld), 3)], ", "), b.Percent, b.Number,
		p.directory.Name, api.AllowRemovals, p.commit)}
}

// told makes an event of what was done.
func (d *Directories) told(p *directoryPass, made, changed, removed int) {
	if made+changed+removed > 0 {
		d.Tools.Events.Eventf(p.directory, nil, corev1.EventTypeNormal, api.EventToolsChanged, "Apply",
			"commit %.7s: %d Tools made, %d changed, %d removed", p.commit, made, changed, removed)
	}
}

// Interface guard.
var _ reconcile.Reconciler = (*Directories)(nil)
