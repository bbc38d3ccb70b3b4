package reconcile

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/sources"
)

// HostSecrets names the Secrets, in the namespace of the builds, for repositories of a host that name none themselves. A key
// is a host, with the port when it is not the scheme's own, and stands for https and ssh. One that begins with http:// stands
// for that alone, so that no password is sent in the clear by mistake.
type HostSecrets map[string]string

// Validate says which of the keys is not a host.
func (h HostSecrets) Validate() error {
	for key, name := range h {
		host := strings.TrimPrefix(key, "http://")
		if u, err := url.Parse("https://" + host); err != nil || u.Host != host || host == "" || host != strings.ToLower(host) {
			return fmt.Errorf("%q is not a host: write it such as forge.example or forge.example:8443, in lower case", key)
		}
		if name == "" {
			return fmt.Errorf("there is no name of a Secret for the host %s", key)
		}
	}
	return nil
}

// of is the Secret for a repository, "" for none.
func (h HostSecrets) of(repository string) string {
	u, err := url.Parse(repository)
	if err != nil {
		return ""
	}
	key := strings.ToLower(u.Host)
	if u.Port() == defaultPorts[u.Scheme] {
		key = strings.TrimSuffix(key, ":"+u.Port())
	}
	if u.Scheme == "http" {
		key = "http://" + key
	}
	return h[key]
}

var defaultPorts = map[string]string{"https": "443", "http": "80", "ssh": "22"}

// secretOf names the Secret for a repository that a tool names: its own one, for its own host, or else that of the host. It
// is "" for none.
func (t *Tools) secretOf(tool *api.Tool, repository string) string {
	if tool.Spec.SecretRef != nil && sameHost(repository, tool.Spec.Repository) {
		return tool.Spec.SecretRef.Name // is given to no other host
	}
	return t.Config.HostSecrets.of(repository)
}

// access reads the credentials for a repository: nil without a Secret, and with a reason when it cannot be used.
func (t *Tools) access(ctx context.Context, tool *api.Tool, repository string) (*sources.Credentials, result) {
	name := t.secretOf(tool, repository)
	if name == "" {
		return nil, result{}
	}
	return t.credentials(ctx, name)
}

// credentials reads a Secret with the keys of sources.CredentialsFrom. It returns nil and the reason when there is none.
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
