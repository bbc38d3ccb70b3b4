package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// explainAfter is how long a rollout may take before its pods are asked what they wait for. Most are over by then; those that
// are not cost a request and a write each from now on, which those that are should not have to wait for.
const explainAfter = 30 * time.Second

// health says whether everything that should be up is up, and closes the deployment: it serves, or it has failed and what
// served before is put back in the next walk.
func (t *Tools) health(ctx context.Context, p *pass) result {
	up := t.targetHealth(ctx, p)
	deploying := p.tool.Status.Deploying
	switch {
	case p.takenBack != nil:
		return takenBack(p, up)
	case up.outcome == done:
		t.succeed(p)
		return up
	case up.outcome == failed || deploying == nil || !p.target.is(deploying.Commit, deploying.Key):
		return up
	}
	rest := deploying.Since.Add(t.patience(p.target)).Sub(t.Now())
	if up.outcome != stalled && rest > 0 {
		if up.after == 0 || rest < up.after {
			up.after = rest
		}
		return up
	}
	// Written down before anything is put back: a daemon that is killed in between does not try this commit again.
	t.finish(&p.tool.Status, api.OutcomeFailed, up.message)
	p.again(cacheCheck)
	return stall(api.ReasonUnhealthy, up.message)
}

// patience is how long a deployment may take in all: every pod of the largest process one after the other, and one more.
func (t *Tools) patience(d *deployment) time.Duration {
	most := 1
	if d.manifest.Webservice != nil {
		most = max(most, d.manifest.Webservice.Replicas)
	}
	for _, job := range d.manifest.Jobs {
		most = max(most, job.Replicas)
	}
	return time.Duration(most+1) * t.Config.RolloutDeadline
}

// takenBack tells of a deployment that failed, now that what served before is back.
func takenBack(p *pass, up result) result {
	message := fmt.Sprintf("commit %.7s was taken back, since it did not become healthy: %s", p.takenBack.Commit, p.takenBack.Message)
	if up.outcome != done {
		message += "; " + up.message
	}
	r := stall(api.ReasonRolledBack, message)
	r.after = up.after
	return r
}

// targetHealth looks at the Deployments of what should run. It costs no request while they are well or only just begun.
func (t *Tools) targetHealth(ctx context.Context, p *pass) result {
	var slowest result
	for _, object := range p.target.objects {
		var r result
		switch {
		case isDeployment(object.GroupVersionKind()):
			r = t.deploymentHealth(ctx, p, object)
		case render.IsOwn(object):
			r = t.ownHealth(ctx, p, object)
		}
		if r.outcome >= stalled {
			return r
		}
		if r.outcome != done && slowest.outcome == done {
			slowest = r
		}
	}
	if slowest.outcome != done {
		return slowest
	}
	return ok(fmt.Sprintf("commit %.7s is up", p.target.commit))
}

// deploymentHealth looks at one Deployment.
func (t *Tools) deploymentHealth(ctx context.Context, p *pass, object *unstructured.Unstructured) result {
	live, err := t.live(ctx, object)
	if err != nil {
		return fail(api.ReasonRollingOut, err)
	}
	deployment, err := t.deployment(ctx, object)
	if err != nil {
		return fail(api.ReasonRollingOut, err)
	}
	begun := wait(api.ReasonRollingOut, fmt.Sprintf("commit %.7s: %s: the new version is starting", p.target.commit, object.GetName()), 0)
	if deployment == nil || live == nil || older(deployment.ResourceVersion, live.ResourceVersion) {
		return begun // the cache is behind what was just written; its event will come
	}
	if recorded := entry(p.tool, object); recorded == nil || recorded.Version != version(live) {
		// Somebody has changed it since: how it is now says nothing of the deployment.
		if r := t.contested(p.tool, object); r.outcome != done {
			return r
		}
		return begun
	}
	whole, err := runtime.DefaultUnstructuredConverter.ToUnstructured(deployment)
	if err != nil {
		return fail(api.ReasonRollingOut, fmt.Errorf("encode Deployment %s: %w", object.GetName(), err))
	}
	computed, err := status.Compute(&unstructured.Unstructured{Object: whole})
	if err != nil {
		return fail(api.ReasonRollingOut, fmt.Errorf("compute the status of Deployment %s: %w", object.GetName(), err))
	}
	if computed.Status == status.CurrentStatus {
		return ok("")
	}
	lasting := explainAfter
	if deploying := p.tool.Status.Deploying; deploying != nil {
		lasting = t.Now().Sub(deploying.Since.Time)
	}
	why := podsRefused(deployment)
	if computed.Status != status.FailedStatus && lasting < explainAfter && why == "" {
		begun.after = explainAfter - lasting
		return begun
	}
	message := fmt.Sprintf("commit %.7s: %s: %s", p.target.commit, object.GetName(), computed.Message)
	if why == "" {
		why = t.explain(ctx, object.GetNamespace(), client.MatchingLabels{render.NameLabel: object.GetName()})
	}
	if unpulled(why) && t.Builds.Doubt(p.tool.Name) {
		p.again(cacheCheck)
	}
	if why != "" {
		message += ": " + why
	}
	if computed.Status == status.FailedStatus {
		return stall(api.ReasonUnhealthy, message)
	}
	return wait(api.ReasonRollingOut, message, 0)
}

// explain says why the pods with these labels are not ready, in the words of the newest that has any.
func (t *Tools) explain(ctx context.Context, namespace string, labels client.MatchingLabels) string {
	var pods corev1.PodList
	if err := t.Live.List(ctx, &pods, client.InNamespace(namespace), labels, client.Limit(50)); err != nil {
		return ""
	}
	slices.SortFunc(pods.Items, func(a, b corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	for i := range pods.Items {
		for _, container := range pods.Items[i].Status.ContainerStatuses {
			if why := trouble(container); why != "" {
				return why
			}
		}
	}
	return ""
}

// unpulled tells whether a pod waits for an image that cannot be pulled, in the kubelet's words.
func unpulled(why string) bool {
	return strings.HasPrefix(why, "ErrImagePull: ") || strings.HasPrefix(why, "ImagePullBackOff: ")
}

// trouble says what is wrong with a container: how its process ended and its last words, or what it waits for.
func trouble(container corev1.ContainerStatus) string {
	if ended := container.LastTerminationState.Terminated; ended != nil && !container.Ready {
		return lastWords(ended)
	}
	if waiting := container.State.Waiting; waiting != nil && waiting.Message != "" {
		return waiting.Reason + ": " + waiting.Message
	}
	return ""
}

// lastWords says how a process ended, and what it said last.
func lastWords(ended *corev1.ContainerStateTerminated) string {
	message := fmt.Sprintf("the process ended with exit code %d", ended.ExitCode)
	if ended.Reason == "OOMKilled" {
		message = "the process was ended because it used more memory than it may"
	}
	if words := strings.TrimSpace(ended.Message); words != "" {
		message += ", its last words: " + words
	}
	return message
}
