package reconcile

import (
	"context"
	"encoding/base64"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/reconcile/seal"
)

func isSecret(object *unstructured.Unstructured) bool { return object.GroupVersionKind() == secretKind }

// filled is an object as it is written. Secrets are rendered without their values: those are decrypted when one has to be
// written, and only then, and kept nowhere else.
func (t *Tools) filled(ctx context.Context, p *pass, object *unstructured.Unstructured) (*unstructured.Unstructured, result) {
	if !isSecret(object) || render.IsOwn(object) {
		return object, result{}
	}
	sealed := p.sealed(object.GetName())
	if sealed == nil {
		return nil, fail(api.ReasonApplyFailed, fmt.Errorf("there are no values for %s", nameOf(object)))
	}
	identity, r := t.keys(ctx, p)
	if r.outcome != done {
		return nil, r
	}
	data := make(map[string]any, len(sealed))
	for name, armored := range sealed {
		value, err := seal.Open(identity, armored)
		if err != nil {
			return nil, fail(api.ReasonKeyMissing, fmt.Errorf("%s cannot be made: %s %s", nameOf(object), name, correction(err, identity.PublicKey())))
		}
		data[name] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	whole := object.DeepCopy()
	whole.Object["data"] = data
	return whole, result{}
}

// sealed are the encrypted values of a Secret of what should run, or of what is to run next; nil for none.
func (p *pass) sealed(name string) render.Sealed {
	for _, d := range []*deployment{p.target, p.next} {
		if d == nil {
			continue
		}
		if sealed, ok := render.SealedSets(d.manifest)[name]; ok {
			return sealed
		}
	}
	return nil
}

// remake replaces a Secret that somebody put in the place of the tool's: what is immutable can only be made anew.
func (t *Tools) remake(ctx context.Context, tool *api.Tool, object *unstructured.Unstructured, live *metav1.PartialObjectMetadata) (*unstructured.Unstructured, error) {
	err := t.Client.Delete(ctx, live, client.Preconditions{UID: &live.UID})
	if client.IgnoreNotFound(err) != nil {
		return nil, err
	}
	written, err := t.write(ctx, object, client.ForceOwnership)
	if err != nil {
		return nil, err
	}
	t.noteHealed(tool, object, "replaced")
	return written, nil
}

// mustBeRemade tells that a Secret was refused because of what stands in its place.
func mustBeRemade(object *unstructured.Unstructured, live *metav1.PartialObjectMetadata, err error) bool {
	return live != nil && isSecret(object) && object.GetLabels()[api.SecretLabel] == api.SecretRendered && apierrors.IsInvalid(err)
}
