package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// sparedFor is how long a Secret that is no longer declared is kept after the last deployment ended: so long, controllers
// may go by the objects that were there before.
const sparedFor = time.Minute

// maxSpared is how many Secrets are kept because they may still be in use. Of more, those are kept that are.
const maxSpared = 10

// spare takes from a list of objects that are no longer declared the Secrets that pods may still be started with: all of
// them until what should run serves and is up, also after it was put back, and those of runs of jobs that are not over. It
// asks for another look at them.
func (t *Tools) spare(ctx context.Context, p *pass, undeclared []api.Object) ([]api.Object, error) {
	secrets := 0
	for _, object := range undeclared {
		if isSecretEntry(object) {
			secrets++
		}
	}
	if secrets == 0 {
		return undeclared, nil
	}
	if secrets <= maxSpared {
		rest := lastEnd(&p.tool.Status).Add(sparedFor).Sub(t.Now())
		if !p.serves() || rest > 0 || t.targetHealth(ctx, p).outcome != done {
			p.spared = true
			if rest > 0 {
				p.again(rest)
			}
			return slices.DeleteFunc(undeclared, isSecretEntry), nil
		}
	}
	used, err := t.usedByRuns(ctx, p.tool)
	if err != nil {
		return nil, err
	}
	if err := usedByServing(p, used); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(undeclared, func(o api.Object) bool {
		spared := isSecretEntry(o) && used[o.Name]
		if spared {
			p.again(takenCheck)
		}
		return spared
	}), nil
}

// serves tells whether the target is what serves.
func (p *pass) serves() bool {
	serving := p.tool.Status.Serving
	return serving != nil && p.target.is(serving.Commit, serving.Key)
}

// usedByServing adds the Secrets of what serves.
func usedByServing(p *pass, used map[string]bool) error {
	serving := p.tool.Status.Serving
	if serving == nil || p.serves() {
		return nil
	}
	declared, err := declaredBy(serving)
	if err != nil {
		return err
	}
	for name := range render.SealedSets(declared) {
		used[name] = true
	}
	return nil
}

func isSecretEntry(o api.Object) bool { return o.Kind == secretKind.Kind && o.APIVersion == "v1" }

// lastEnd is when the last deployment ended, well or not, or something of it was put back last.
func lastEnd(status *api.ToolStatus) time.Time {
	var end time.Time
	if status.Serving != nil {
		end = status.Serving.Since.Time
	}
	if last := latest(status); last != nil && last.FinishedAt != nil && last.FinishedAt.After(end) {
		end = last.FinishedAt.Time
	}
	for _, healed := range status.Healed {
		if healed.At.After(end) {
			end = healed.At.Time
		}
	}
	return end
}

// usedByRuns names the Secrets that runs of jobs refer to which are not over.
func (t *Tools) usedByRuns(ctx context.Context, tool *api.Tool) (map[string]bool, error) {
	var jobs batchv1.JobList
	if err := t.Live.List(ctx, &jobs, client.InNamespace(tool.TargetNamespace())); err != nil {
		return nil, fmt.Errorf("list the runs of jobs: %w", err)
	}
	used := make(map[string]bool)
	for i := range jobs.Items {
		if job := &jobs.Items[i]; jobEnd(job) == nil {
			secretsIn(&job.Spec.Template.Spec, used)
		}
	}
	return used, nil
}

// secretsIn adds the Secrets that variables of a pod refer to.
func secretsIn(pod *corev1.PodSpec, used map[string]bool) {
	for _, container := range pod.Containers {
		for _, variable := range container.Env {
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
				used[from.SecretKeyRef.Name] = true
			}
		}
	}
}
