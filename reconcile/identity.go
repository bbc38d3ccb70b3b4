package reconcile

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/seal"
)

// identityKey is the key of the private key in its Secret.
const identityKey = "identity"

// identityAt is where a tool's private key is kept: beside the builds, where no tool's pods run, and what runs has no token.
func (t *Tools) identityAt(tool *api.Tool) client.ObjectKey {
	return client.ObjectKey{Namespace: t.Config.BuildNamespace, Name: "age-" + tool.Name}
}

// giveKeys makes the tool's key pair, once, and writes the public key into its status. A pair that is there is never
// overwritten, and one that is gone is not replaced as long as the status has its public key: what is encrypted for it would
// be lost.
func (t *Tools) giveKeys(ctx context.Context, tool *api.Tool) error {
	if tool.Status.PublicKey != "" || tool.Spec.Suspend {
		return nil
	}
	made, err := t.NewIdentity()
	if err != nil {
		return fmt.Errorf("make a key pair: %w", err)
	}
	at := t.identityAt(tool)
	err = t.Client.Create(ctx, &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:       at.Namespace,
			Name:            at.Name,
			Labels:          map[string]string{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: tool.Name, api.ComponentLabel: api.IdentityComponent},
			OwnerReferences: []metav1.OwnerReference{owner(tool)},
		},
		Type:      corev1.SecretTypeOpaque,
		Immutable: ptr.To(true),
		Data:      map[string][]byte{identityKey: []byte(made.Text())},
	})
	switch {
	case apierrors.IsAlreadyExists(err):
		_, err := t.readKeys(ctx, tool)
		return err
	case err != nil:
		return fmt.Errorf("make Secret %s: %w", at, hidden(err))
	}
	tool.Status.PublicKey = made.PublicKey()
	return nil
}

// readKeys reads the tool's key pair. The status shows the public key of what is there, whoever put it there.
func (t *Tools) readKeys(ctx context.Context, tool *api.Tool) (*seal.Identity, error) {
	at := t.identityAt(tool)
	secret := &corev1.Secret{}
	if err := t.Live.Get(ctx, at, secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("the tool's private key is gone: there is no Secret %s in namespace %s; an administrator has to "+
				"bring it back from a backup, or have another pair made", at.Name, at.Namespace)
		}
		return nil, fmt.Errorf("read Secret %s: %w", at, hidden(err))
	}
	if !owned(secret, tool.Name) {
		return nil, fmt.Errorf("the Secret %s in namespace %s is not labelled as the private key of tool %s", at.Name, at.Namespace, tool.Name)
	}
	for _, lord := range secret.OwnerReferences {
		if lord.UID != tool.UID {
			return nil, fmt.Errorf("the Secret %s in namespace %s is that of an earlier tool of this name, and about to go", at.Name, at.Namespace)
		}
	}
	found, err := seal.ParseIdentity(string(secret.Data[identityKey]))
	if err != nil {
		return nil, fmt.Errorf("the Secret %s in namespace %s, key %s: %w", at.Name, at.Namespace, identityKey, err)
	}
	tool.Status.PublicKey = found.PublicKey()
	return found, nil
}

// keys is readKeys, once a walk. It is kept for no longer.
func (t *Tools) keys(ctx context.Context, p *pass) (*seal.Identity, result) {
	if p.identity == nil {
		found, err := t.readKeys(ctx, p.tool)
		if err != nil {
			return nil, fail(api.ReasonKeyMissing, err)
		}
		p.identity = found
	}
	return p.identity, result{}
}

// dropKeys deletes the key pair of a tool that goes.
func (t *Tools) dropKeys(ctx context.Context, tool *api.Tool) error {
	at := t.identityAt(tool)
	live, err := t.ask(ctx, reference(secretKind, at.Namespace, at.Name))
	if err != nil || live == nil || !owned(live, tool.Name) {
		return err
	}
	err = t.Client.Delete(ctx, live, client.Preconditions{UID: &live.UID})
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete Secret %s: %w", at, err)
	}
	return nil
}

// hidden is the error of a request that had secrets in it, without what the API server, or a webhook, may have quoted.
func hidden(err error) error {
	var status apierrors.APIStatus
	if err == nil || !errors.As(err, &status) {
		return err
	}
	return hiddenError{err, fmt.Sprintf("the API server answers: %s (%d)", status.Status().Reason, status.Status().Code)}
}

// hiddenError says something else than the error that it is.
type hiddenError struct {
	error
	says string
}

func (e hiddenError) Error() string { return e.says }
func (e hiddenError) Unwrap() error { return e.error }
