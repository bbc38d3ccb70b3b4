package build

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/build/redact"
)

// open are the keys of a Secret whose values everybody may know.
var openKeys = []string{"known_hosts", "ca.crt", "caFile", "identity.pub", "ssh-publickey"}

// secretsOf finds every secret value that a build's pod has or had. Without one of its Secrets there is no saying what must
// be taken out of its log, and nothing of it may be shown.
func (l *Logbook) secretsOf(ctx context.Context, pod *corev1.Pod) (*redact.Set, error) {
	var values []string
	for _, name := range secretNames(pod) {
		secret := &corev1.Secret{}
		err := l.Live.Get(ctx, client.ObjectKey{Namespace: pod.Namespace, Name: name}, secret)
		if apierrors.IsNotFound(err) && neverStarted(pod) {
			continue // and nothing was printed
		}
		if apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("the Secret %s has gone: it is not known what must not be shown", name)
		}
		if err != nil {
			return nil, fmt.Errorf("read the Secret %s, to know what must not be shown: %w", name, err)
		}
		values = append(values, secretValues(secret)...)
	}
	set, err := redact.New(values...)
	if err != nil {
		return nil, fmt.Errorf("look for the secrets of build pod %s: %w", pod.Name, err)
	}
	return set, nil
}

// secretNames are the Secrets that any container of a pod gets, each once.
func secretNames(pod *corev1.Pod) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, volume := range pod.Spec.Volumes {
		if volume.Secret != nil {
			add(volume.Secret.SecretName)
		}
		if volume.Projected == nil {
			continue
		}
		for _, source := range volume.Projected.Sources {
			if source.Secret != nil {
				add(source.Secret.Name)
			}
		}
	}
	for _, container := range append(slices.Clone(pod.Spec.InitContainers), pod.Spec.Containers...) {
		for _, variable := range container.Env {
			if from := variable.ValueFrom; from != nil && from.SecretKeyRef != nil {
				add(from.SecretKeyRef.Name)
			}
		}
		for _, from := range container.EnvFrom {
			if from.SecretRef != nil {
				add(from.SecretRef.Name)
			}
		}
	}
	return names
}

// neverStarted tells that no container of the pod has run.
func neverStarted(pod *corev1.Pod) bool {
	return !slices.ContainsFunc(containersOf(pod), func(name string) bool { return hasStarted(pod, name) })
}

// secretValues are the values of a Secret that must not be shown.
func secretValues(secret *corev1.Secret) []string {
	var values []string
	for key, value := range secret.Data {
		switch {
		case key == corev1.DockerConfigJsonKey || key == corev1.DockerConfigKey || key == "config.json":
			values = append(values, registryValues(value)...)
		case slices.Contains(openKeys, key):
		case key == corev1.BasicAuthUsernameKey && !isToken(secret):
		default:
			values = append(values, string(value))
		}
	}
	return values
}

// isToken tells whether the user name is the secret, as some servers have it.
func isToken(secret *corev1.Secret) bool {
	password := string(secret.Data[corev1.BasicAuthPasswordKey])
	return password == "" || password == "x-oauth-basic"
}

// registryValues are those of a config.json as `docker login` writes it. One that cannot be read is a secret as a whole.
func registryValues(text []byte) []string {
	type account struct {
		Password      string `json:"password"`
		Auth          string `json:"auth"`
		IdentityToken string `json:"identitytoken"`
		RegistryToken string `json:"registrytoken"`
	}
	var config struct {
		Auths map[string]account `json:"auths"`
	}
	if json.Unmarshal(text, &config) != nil || len(config.Auths) == 0 {
		var old map[string]account // .dockercfg
		if json.Unmarshal(text, &old) != nil {
			return []string{string(text)}
		}
		config.Auths = old
	}
	var values []string
	for _, a := range config.Auths {
		values = append(values, a.Password, a.Auth, a.IdentityToken, a.RegistryToken)
		if decoded, err := base64.StdEncoding.DecodeString(a.Auth); err == nil {
			if _, password, ok := strings.Cut(string(decoded), ":"); ok {
				values = append(values, password)
			}
		}
	}
	return values
}
