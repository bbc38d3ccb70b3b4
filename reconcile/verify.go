package reconcile

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/policy"
	"github.com/toolforge/toolforged/sources/signed"
)

// keysCheck is when a tool whose commit was refused looks at its Secret of keys again: no event tells of one.
const keysCheck = time.Minute

// verify says whether the newest revision is signed as it must be, and by whom: the end of a sentence, empty when it need not
// be signed.
func (t *Tools) verify(ctx context.Context, p *pass) (signer string, r result) {
	p.signers, r = t.signers(ctx, p.tool)
	if p.signers == nil || r.outcome != done {
		return "", r
	}
	by, err := p.signers.Verify(p.revision.Signature, t.Now())
	if err != nil {
		// Nothing of it is believed, not even its mistakes.
		p.tool.Status.Problems, p.tool.Status.Conversion = nil, nil
		return "", unsigned("commit", p.commit, err)
	}
	return ", signed by " + by.String(), result{outcome: done}
}

// signers are the keys by which a tool's commits must be signed; nil when they need not be.
func (t *Tools) signers(ctx context.Context, tool *api.Tool) (*signed.Keys, result) {
	if tool.Spec.Verify == nil {
		return t.Config.Policy.Signers, result{outcome: done}
	}
	return keysOf(ctx, t.Live, t.Config.BuildNamespace, tool.Spec.Verify)
}

// keysOf reads the keys that a resource names.
func keysOf(ctx context.Context, live client.Reader, namespace string, verify *api.Verify) (*signed.Keys, result) {
	files := policy.KeyFiles(verify.Keys)
	if ref := verify.SecretRef; ref != nil {
		var secret corev1.Secret
		err := live.Get(ctx, client.ObjectKey{Namespace: namespace, Name: ref.Name}, &secret)
		if apierrors.IsNotFound(err) {
			return nil, fail(api.ReasonSecretMissing, fmt.Errorf("there is no Secret %s in namespace %s with the keys by which commits are signed", ref.Name, namespace))
		}
		if err != nil {
			return nil, fail(api.ReasonSecretMissing, fmt.Errorf("read Secret %s in namespace %s: %w", ref.Name, namespace, err))
		}
		for _, name := range slices.Sorted(maps.Keys(secret.Data)) {
			files = append(files, signed.File{Name: name, Data: secret.Data[name]})
		}
	}
	keys, err := signed.ParseKeys(files)
	if err != nil {
		r := stall(api.ReasonKeysInvalid, fmt.Sprintf("the keys by which commits are signed: %s", err))
		r.after = keysCheck
		return nil, r
	}
	return &keys, result{outcome: done}
}

// unsigned says why a commit is not deployed.
func unsigned(what, commit string, err error) result {
	reason := api.ReasonSignatureRefused
	if errors.Is(err, signed.ErrUnsigned) {
		reason = api.ReasonUnsigned
	}
	r := stall(reason, fmt.Sprintf("%s %.7s is not deployed: %s", what, commit, err))
	r.after = keysCheck
	return r
}

var fullCommit = regexp.MustCompile(`^[0-9a-f]{40}$`)

// signedBy says whether a commit of another repository may be built: it is signed too, or the tool's own signed commit
// names it.
func (p *pass) signedBy(now time.Time, what, commit, ref string, signature signed.Signature) result {
	if p.signers == nil || fullCommit.MatchString(ref) {
		return result{outcome: done}
	}
	if _, err := p.signers.Verify(signature, now); err != nil {
		return unsigned(what, commit, fmt.Errorf("%w; sign it, or name it by its full id", err))
	}
	return result{outcome: done}
}
