package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// fieldOwner is the name under which toolforged owns fields of what it applies.
const fieldOwner = client.FieldOwner("toolforged")

// Checks for what no event tells of.
const (
	// namespaceCheck is how long a tool waits for its namespace to go, should no event wake it.
	namespaceCheck = 5 * time.Second
	// takenCheck is when a tool looks again whether somebody else's object is still in its way.
	takenCheck = time.Minute
)

// apply writes an object by server-side apply, unless what is there is what was last written: then it costs nothing. An
// object that is not the tool's own is left alone.
func (t *Tools) apply(ctx context.Context, p *pass, object *unstructured.Unstructured) result {
	live, err := t.live(ctx, object)
	fresh := p.fresh && object.GetNamespace() != ""
	if err == nil && (live == nil && !fresh || live != nil && !owned(live, p.tool.Name)) {
		// The cache holds only toolforged's objects, does not know who made them, and may be late.
		live, err = t.ask(ctx, object)
	}
	if err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	if live != nil && !owned(live, p.tool.Name) && !unlabelled(live, p.tool.Name) {
		return taken(api.ReasonObjectTaken, nameOf(object), live)
	}
	return t.settle(ctx, p, object, live)
}

// settle writes an object that may be written, if it has to be. Live is its metadata now; nil when it does not exist.
func (t *Tools) settle(ctx context.Context, p *pass, object *unstructured.Unstructured, live *metav1.PartialObjectMetadata) result {
	recorded := entry(p.tool, object)
	hash := object.GetAnnotations()[render.HashAnnotation]
	drifted := recorded != nil && recorded.Hash == hash
	if drifted && live != nil && hasLabels(live, object) && recorded.Version == version(live) {
		return ok("")
	}
	if live == nil {
		if err := t.freeVolume(ctx, object); err != nil {
			return fail(api.ReasonApplyFailed, err)
		}
	}
	if drifted {
		if r := t.contested(p.tool, object); r.outcome != done {
			return r
		}
	}
	object, r := t.filled(ctx, p, object)
	if r.outcome != done {
		return r
	}
	var written *unstructured.Unstructured
	var err error
	if drifted {
		written, err = t.heal(ctx, p.tool, object, live)
	} else {
		err = t.handOver(ctx, object, live)
		if err == nil {
			written, err = t.write(ctx, object, client.ForceOwnership)
		}
	}
	if mustBeRemade(object, live, err) {
		written, err = t.remake(ctx, p.tool, object, live)
	}
	if err != nil {
		return refused(object, err)
	}
	t.ledger.wrote(written)
	applied := identity(object)
	applied.Hash, applied.Version = hash, version(written)
	record(p.tool, applied)
	return ok("")
}

// write is one server-side apply. It returns the object as it is now.
func (t *Tools) write(ctx context.Context, object *unstructured.Unstructured, options ...client.ApplyOption) (*unstructured.Unstructured, error) {
	written := object.DeepCopy()
	options = append(options, fieldOwner)
	writer, err := t.writer(object)
	if err != nil {
		return nil, err
	}
	err = writer.Apply(ctx, client.ApplyConfigurationFromUnstructured(written), options...)
	numbered(written)
	return written, err
}

// handOver keeps a Deployment at the replicas it has when they stop being toolforged's to say: a field that loses its last
// owner falls back to its default, and an autoscaler owns it only from its first change on. What is handed over is never
// written again, and nothing is if somebody scaled it meanwhile: then the API server answers with a conflict.
func (t *Tools) handOver(ctx context.Context, object *unstructured.Unstructured, live *metav1.PartialObjectMetadata) error {
	if live == nil || object.GetKind() != "Deployment" {
		return nil
	}
	if _, rendered, _ := unstructured.NestedFieldNoCopy(object.Object, "spec", "replicas"); rendered {
		return nil
	}
	now := &appsv1.Deployment{}
	if found, err := found(t.Live.Get(ctx, client.ObjectKeyFromObject(object), now), object); !found {
		return err
	}
	if now.Spec.Replicas == nil || !ownsReplicas(now) {
		return nil
	}
	replicas := reference(object.GroupVersionKind(), object.GetNamespace(), object.GetName())
	replicas.SetResourceVersion(now.ResourceVersion)
	if err := unstructured.SetNestedField(replicas.Object, int64(*now.Spec.Replicas), "spec", "replicas"); err != nil {
		return err
	}
	const autoscaled = client.FieldOwner("toolforged-autoscaled")
	return t.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(replicas), autoscaled, client.ForceOwnership)
}

// ownsReplicas tells whether a Deployment's replicas are toolforged's.
func ownsReplicas(deployment *appsv1.Deployment) bool {
	return slices.ContainsFunc(deployment.ManagedFields, func(fields metav1.ManagedFieldsEntry) bool {
		return fields.Manager == string(fieldOwner) && fields.FieldsV1 != nil && strings.Contains(fields.FieldsV1.GetRawString(), `"f:replicas"`)
	})
}

// taken says whose an object is that stands where the tool's should be. It is not touched.
func taken(reason, what string, live *metav1.PartialObjectMetadata) result {
	whose := "made by " + strings.Join(managers(live), ", ")
	if tool := live.Labels[api.ToolLabel]; tool != "" {
		whose = "of tool " + tool
	}
	r := stall(reason, fmt.Sprintf("%s exists and is not this tool's, but %s: it is left alone", what, whose))
	r.after = takenCheck
	return r
}

// unlabelled tells of an object that somebody has taken toolforged's labels off: it is still toolforged's, and no other
// tool's.
func unlabelled(live *metav1.PartialObjectMetadata, tool string) bool {
	whose := live.Labels[api.ToolLabel]
	return (whose == "" || whose == tool) && slices.Contains(managers(live), string(fieldOwner))
}

// hasLabels tells whether an object has the labels that it is rendered with. A changed label is no new generation.
func hasLabels(live client.Object, rendered *unstructured.Unstructured) bool {
	has := live.GetLabels()
	for name, value := range rendered.GetLabels() {
		if has[name] != value {
			return false
		}
	}
	return true
}

// managers names who owns fields of an object, as the API server has it.
func managers(object client.Object) []string {
	var names []string
	for _, fields := range object.GetManagedFields() {
		if fields.Subresource == "" {
			names = append(names, fields.Manager)
		}
	}
	if len(names) == 0 {
		return []string{"somebody unknown"}
	}
	return names
}

func nameOf(object *unstructured.Unstructured) string {
	if object.GetNamespace() == "" {
		return object.GetKind() + " " + object.GetName()
	}
	return fmt.Sprintf("%s %s in namespace %s", object.GetKind(), object.GetName(), object.GetNamespace())
}

// refused says why the API server did not take an object.
func refused(object *unstructured.Unstructured, err error) result {
	if isSecret(object) {
		err = hidden(err)
	}
	if apierrors.IsInvalid(err) {
		return stall(api.ReasonApplyFailed, fmt.Sprintf("%s is refused: %v", nameOf(object), err))
	}
	return fail(api.ReasonApplyFailed, fmt.Errorf("apply %s: %w", nameOf(object), err))
}

// live is the metadata of an object as it is now, nil when it does not exist or is not toolforged's. It costs no request.
func (t *Tools) live(ctx context.Context, object *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	metadata, err := t.cached(ctx, object)
	if err != nil {
		return nil, err
	}
	return t.ledger.newest(object, metadata), nil
}

// ask is live, by the API server's own word, and also of others' objects.
func (t *Tools) ask(ctx context.Context, object *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(object.GroupVersionKind())
	found, err := found(t.Live.Get(ctx, client.ObjectKeyFromObject(object), metadata), object)
	if !found {
		return nil, err
	}
	numbered(metadata)
	return metadata, nil
}

// found makes a sentence of the error of a look-up, if it is one.
func found(err error, object *unstructured.Unstructured) (bool, error) {
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("look up %s: %w", nameOf(object), err)
	}
	return err == nil, nil
}

// conflicts are the fields that others own with another value, as ".spec.replicas by kubectl-scale"; none when the error is
// something else.
func conflicts(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		// The message is: conflict with "MANAGER" [with subresource "NAME"] using VERSION [at TIME].
		manager := cause.Message
		if parts := strings.SplitN(cause.Message, `"`, 3); len(parts) == 3 {
			manager = parts[1]
		}
		fields = append(fields, cause.Field+" by "+manager)
	}
	return fields
}

// version changes whenever somebody changes what an object asks for: its generation (numbered gives one to kinds without),
// or where it has none its resource version.
func version(object client.Object) string {
	if generation := object.GetGeneration(); generation != 0 {
		return strconv.FormatInt(generation, 10)
	}
	return "rv" + object.GetResourceVersion()
}
