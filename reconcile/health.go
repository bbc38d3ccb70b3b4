package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/cli-utils/pkg/kstatus/status"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// health says whether everything that should be up is up, and notes the deployment when it is.
func (t *Tools) health(ctx context.Context, p *pass) result {
	for _, object := range p.desired {
		if object.GetKind() != "Deployment" {
			continue
		}
		if r := t.deploymentHealth(ctx, p, object); r.outcome != done {
			return r
		}
	}
	t.serve(p)
	return ok(fmt.Sprintf("commit %.7s is up", p.commit))
}

// serve notes the revision as the one that serves.
func (t *Tools) serve(p *pass) {
	serving := p.tool.Status.Serving
	var images []api.Image
	if p.image != "" {
		images = []api.Image{{Name: mainBuild, Reference: p.image}}
	}
	if serving != nil && serving.Commit == p.commit && slices.Equal(serving.Images, images) {
		return
	}
	p.tool.Status.Serving = &api.Deployment{Commit: p.commit, Images: images, Since: metav1.NewTime(t.Now()).Rfc3339Copy()}
}

// deploymentHealth looks at one Deployment. The whole object is read only when it changed since it was last seen healthy.
func (t *Tools) deploymentHealth(ctx context.Context, p *pass, object *unstructured.Unstructured) result {
	live, err := t.live(ctx, object)
	if err != nil {
		return fail(api.ReasonRollingOut, err)
	}
	if live != nil && t.healthy.is(object, live.ResourceVersion) {
		return ok("")
	}
	whole := &unstructured.Unstructured{}
	whole.SetGroupVersionKind(object.GroupVersionKind())
	if err := t.Live.Get(ctx, client.ObjectKeyFromObject(object), whole); err != nil {
		return fail(api.ReasonRollingOut, fmt.Errorf("read Deployment %s: %w", object.GetName(), err))
	}
	computed, err := status.Compute(whole)
	if err != nil {
		return fail(api.ReasonRollingOut, fmt.Errorf("compute the status of Deployment %s: %w", object.GetName(), err))
	}
	if computed.Status == status.CurrentStatus {
		t.healthy.set(object, whole.GetResourceVersion())
		return ok("")
	}
	message := fmt.Sprintf("commit %.7s: %s: %s", p.commit, object.GetName(), computed.Message)
	if why := cmp.Or(podsRefused(whole), t.explain(ctx, object)); why != "" {
		message += ": " + why
	}
	if computed.Status == status.FailedStatus {
		return stall(api.ReasonUnhealthy, message)
	}
	return wait(api.ReasonRollingOut, message, 0)
}

// explain says why the pods of a Deployment are not ready, in the words of the first that has any.
func (t *Tools) explain(ctx context.Context, object *unstructured.Unstructured) string {
	var pods corev1.PodList
	err := t.Live.List(ctx, &pods, client.InNamespace(object.GetNamespace()),
		client.MatchingLabels{render.NameLabel: object.GetName()}, client.Limit(50))
	if err != nil {
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

// trouble says what is wrong with a container: how its process ended and its last words, or what it waits for.
func trouble(container corev1.ContainerStatus) string {
	if ended := container.LastTerminationState.Terminated; ended != nil && !container.Ready {
		message := fmt.Sprintf("the process ended with exit code %d", ended.ExitCode)
		if ended.Reason == "OOMKilled" {
			message = "the process was ended because it used more memory than it may"
		}
		if words := strings.TrimSpace(ended.Message); words != "" {
			message += ", its last words: " + words
		}
		return message
	}
	if waiting := container.State.Waiting; waiting != nil && waiting.Message != "" {
		return waiting.Reason + ": " + waiting.Message
	}
	return ""
}
