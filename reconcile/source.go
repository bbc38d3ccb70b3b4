package reconcile

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/sources"
)

// source has the repository watched and takes the newest revision of it.
func (t *Tools) source(ctx context.Context, p *pass) result {
	repository := sources.Repository{URL: p.tool.Spec.Repository, Ref: p.tool.Spec.Ref}
	if p.tool.Spec.SecretRef != nil {
		credentials, r := t.credentials(ctx, p.tool.Spec.SecretRef.Name)
		if credentials == nil {
			return r
		}
		repository.Credentials, p.credentials = credentials, credentials
	}
	t.Revisions.Watch(p.tool.Name, repository, "", p.tool.Spec.Interval.Duration)
	seen, polled := t.Revisions.Latest(p.tool.Name)
	if !polled {
		if p.tool.Status.ObservedGeneration == p.tool.Generation {
			return result{outcome: waiting}
		}
		return wait(api.ReasonPolling, "asking "+p.tool.Spec.Repository+" for "+p.tool.Spec.Ref, 0)
	}
	if seen.Err != nil && seen.Commit == "" {
		return stall(api.ReasonRepositoryFailed, seen.Err.Error())
	}
	p.commit, p.revision = seen.Commit, seen.Value
	if p.tool.Status.Seen == nil || p.tool.Status.Seen.Commit != seen.Commit {
		p.tool.Status.Seen = &api.Revision{Commit: seen.Commit, SeenAt: metav1.NewTime(t.Now()).Rfc3339Copy()}
	}
	signer, r := t.verify(ctx, p)
	switch {
	case r.outcome != done:
		return r
	case seen.Err != nil:
		return result{outcome: degraded, reason: api.ReasonRepositoryFailed, message: seen.Err.Error()}
	}
	return ok(fmt.Sprintf("%s is at commit %s", p.tool.Spec.Ref, seen.Commit) + signer)
}

// credentials reads the Secret of a repository, with the keys of sources.CredentialsFrom. It returns nil and the reason when
// there is none.
func (t *Tools) credentials(ctx context.Context, name string) (*sources.Credentials, result) {
	var secret corev1.Secret
	key := client.ObjectKey{Namespace: t.Config.BuildNamespace, Name: name}
	if err := t.Live.Get(ctx, key, &secret); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, fail(api.ReasonSecretMissing, fmt.Errorf("there is no Secret %s in namespace %s", name, key.Namespace))
		}
		return nil, fail(api.ReasonSecretMissing, fmt.Errorf("read Secret %s in namespace %s: %w", name, key.Namespace, err))
	}
	credentials, err := sources.CredentialsFrom(secret.Data)
	if err != nil {
		return nil, fail(api.ReasonSecretInvalid, fmt.Errorf("the Secret %s in namespace %s cannot be used: %w", name, key.Namespace, err))
	}
	return credentials, result{}
}
