package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// A field that somebody changes again and again is fought for this often, each time within this time of the last; then it
// is left as it is for as long.
const (
	maxHeals    = 5
	healsWithin = 10 * time.Minute
)

// maxHealed is how many healed objects a tool's status remembers.
const maxHealed = 10

// heal puts an object back that is not as it was last written. A change that is others' to make, a field that toolforged
// does not render, is left and not told of.
func (t *Tools) heal(ctx context.Context, tool *api.Tool, object *unstructured.Unstructured, live *metav1.PartialObjectMetadata) (*unstructured.Unstructured, error) {
	// Without force first: the refusal names the fields and who changed them.
	written, err := t.write(ctx, object)
	what := "changed"
	if fields := conflicts(err); len(fields) > 0 {
		what = "changed: " + strings.Join(fields, ", ")
		written, err = t.write(ctx, object, client.ForceOwnership)
	}
	if err != nil {
		return nil, err
	}
	if live == nil {
		what = "deleted"
	} else if version(written) == version(live) && hasLabels(live, object) {
		return written, nil
	}
	t.noteHealed(tool, object, what)
	return written, nil
}

// noteHealed writes down what was put back, and makes an event of it.
func (t *Tools) noteHealed(tool *api.Tool, object *unstructured.Unstructured, what string) {
	now := t.now()
	healed := api.Healed{
		APIVersion: object.GetAPIVersion(), Kind: object.GetKind(), Name: object.GetName(), What: clip(what, maxReason), Times: 1, Since: now, At: now,
	}
	list := tool.Status.Healed
	if at := healedAt(tool, object); at >= 0 {
		if before := list[at]; now.Sub(before.At.Time) <= healsWithin {
			healed.Times, healed.Since = before.Times+1, before.Since
		}
		list = slices.Delete(list, at, at+1)
	}
	list = slices.Insert(list, 0, healed)
	tool.Status.Healed = list[:min(len(list), maxHealed)]
	t.Events.Eventf(tool, nil, corev1.EventTypeWarning, api.EventHealed, "Heal", "%s",
		clip(fmt.Sprintf("%s was %s; it is put back", nameOf(object), what), maxNote))
}

// contested says so when somebody has changed an object so often that it is not put back any more for now.
func (t *Tools) contested(tool *api.Tool, object *unstructured.Unstructured) result {
	at := healedAt(tool, object)
	if at < 0 {
		return ok("")
	}
	healed := tool.Status.Healed[at]
	rest := healed.At.Add(healsWithin).Sub(t.Now())
	if healed.Times < maxHeals || rest <= 0 {
		return ok("")
	}
	return result{
		outcome: degraded,
		reason:  api.ReasonContested,
		message: fmt.Sprintf("%s was put back %d times since %s and each time again %s: it is left as it is until %s",
			nameOf(object), healed.Times, healed.Since.UTC().Format(time.RFC3339), healed.What, healed.At.Add(healsWithin).UTC().Format(time.RFC3339)),
		after: rest,
	}
}

func healedAt(tool *api.Tool, object *unstructured.Unstructured) int {
	return slices.IndexFunc(tool.Status.Healed, func(h api.Healed) bool {
		return h.APIVersion == object.GetAPIVersion() && h.Kind == object.GetKind() && h.Name == object.GetName()
	})
}
