package reconcile

import (
	"context"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// fieldOwner is the name under which toolforged owns fields of what it applies.
const fieldOwner = client.FieldOwner("toolforged")

// namespaceCheck is how long a tool waits for its namespace to go, should no event wake it.
const namespaceCheck = 5 * time.Second

// apply writes an object by server-side apply, unless what is there is what was last written: then it costs nothing.
func (t *Tools) apply(ctx context.Context, p *pass, object *unstructured.Unstructured) result {
	live, err := t.live(ctx, object)
	if err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	recorded := entry(p.tool, object)
	hash := object.GetAnnotations()[render.HashAnnotation]
	if live != nil && recorded != nil && recorded.Hash == hash && recorded.Version == version(live) {
		return ok("")
	}
	options := []client.ApplyOption{fieldOwner}
	if live != nil && owned(live, p.tool.Name) {
		// It is the tool's own: what others changed in it is put back.
		options = append(options, client.ForceOwnership)
	}
	written := object.DeepCopy()
	if err := t.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(written), options...); err != nil {
		return refused(object, err)
	}
	numbered(written)
	t.ledger.wrote(written)
	record(p.tool, api.Object{
		APIVersion: object.GetAPIVersion(),
		Kind:       object.GetKind(),
		Namespace:  object.GetNamespace(),
		Name:       object.GetName(),
		Hash:       hash,
		Version:    version(written),
	})
	return ok("")
}

// refused says why the API server did not take an object.
func refused(object *unstructured.Unstructured, err error) result {
	what := fmt.Sprintf("%s %s in namespace %s", object.GetKind(), object.GetName(), object.GetNamespace())
	switch {
	case apierrors.IsConflict(err):
		return stall(api.ReasonObjectTaken, fmt.Sprintf("%s exists and is not this tool's: %v", what, err))
	case apierrors.IsInvalid(err):
		return stall(api.ReasonApplyFailed, fmt.Sprintf("%s is refused: %v", what, err))
	default:
		return fail(api.ReasonApplyFailed, fmt.Errorf("apply %s: %w", what, err))
	}
}

// live is the metadata of an object as it is now, nil when it does not exist. It costs no request.
func (t *Tools) live(ctx context.Context, object *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	metadata, err := lookUp(ctx, t.Client, object)
	if err != nil {
		return nil, err
	}
	return t.ledger.newest(object, metadata), nil
}

// ask is live, by the API server's own word.
func (t *Tools) ask(ctx context.Context, object *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	return lookUp(ctx, t.Live, object)
}

func lookUp(ctx context.Context, reader client.Reader, object *unstructured.Unstructured) (*metav1.PartialObjectMetadata, error) {
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(object.GroupVersionKind())
	err := reader.Get(ctx, client.ObjectKeyFromObject(object), metadata)
	if client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("look up %s %s: %w", object.GetKind(), object.GetName(), err)
	}
	if err != nil {
		return nil, nil
	}
	return metadata, nil
}

// version changes whenever somebody changes what an object asks for: its generation (numbered gives one to kinds without),
// or where it has none its resource version.
func version(object client.Object) string {
	if generation := object.GetGeneration(); generation != 0 {
		return strconv.FormatInt(generation, 10)
	}
	return "rv" + object.GetResourceVersion()
}
