package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

// ProvidedAnnotation is on pods and identifies the versions of the platform's Secrets that they use: another one replaces them.
const ProvidedAnnotation = "toolforge.org/provided-secrets"

// SealedPrefix begins the names of Secrets with encrypted values; what follows is a hash of them.
const SealedPrefix = "secrets-"

// Sealed are the encrypted values of one Secret, by variable, in age's text form.
type Sealed map[string]string

// Name is that of the Secret with the values. It is made of what is encrypted, which the same value never is twice to the
// same bytes: it tells nothing of the values, and changes when one of them may have changed.
func (s Sealed) Name() string {
	encoded, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("encode a map of strings: %v", err))
	}
	sum := sha256.Sum256(encoded)
	return SealedPrefix + hex.EncodeToString(sum[:16])
}

// SealedSets are the Secrets with encrypted values that the processes of a manifest use, by name. Processes with the same
// values share one.
func SealedSets(m *manifest.Manifest) map[string]Sealed {
	sets := make(map[string]Sealed)
	for _, declared := range m.Processes() {
		_, secrets := merge([]map[string]string{m.Env, declared.Run.Env}, []map[string]manifest.Secret{m.Secrets, declared.Run.Secrets})
		if sealed := sealedOf(secrets); len(sealed) > 0 {
			sets[sealed.Name()] = sealed
		}
	}
	return sets
}

// secretObjects renders the Secrets of SealedSets without their values: whoever writes one puts them in.
func secretObjects(in Input) []any {
	var objects []any
	labels := in.ownLabels()
	labels[api.SecretLabel] = api.SecretRendered
	for _, name := range slices.Sorted(maps.Keys(SealedSets(in.Manifest))) {
		objects = append(objects, accorev1.Secret(name, in.Namespace).
			WithLabels(labels).
			WithType(corev1.SecretTypeOpaque).
			WithImmutable(true))
	}
	return objects
}

// merge is what a process gets of the variables of several places: later places win, and at one place secrets do.
func merge(env []map[string]string, secrets []map[string]manifest.Secret) (map[string]string, map[string]manifest.Secret) {
	plain, secret := make(map[string]string), make(map[string]manifest.Secret)
	for place := range max(len(env), len(secrets)) {
		if place < len(env) {
			for name, value := range env[place] {
				plain[name] = value
				delete(secret, name)
			}
		}
		if place < len(secrets) {
			for name, value := range secrets[place] {
				secret[name] = value
				delete(plain, name)
			}
		}
	}
	return plain, secret
}

func sealedOf(secrets map[string]manifest.Secret) Sealed {
	sealed := make(Sealed)
	for name, secret := range secrets {
		if secret.Age != "" {
			sealed[name] = secret.Age
		}
	}
	return sealed
}

// reference is where a variable's value is taken from: a key of a Secret.
func reference(name string, secret manifest.Secret, sealed string) *accorev1.EnvVarSourceApplyConfiguration {
	selector := accorev1.SecretKeySelector().WithName(sealed).WithKey(name)
	if secret.From != "" {
		selector.WithName(secret.From).WithKey(secret.Key)
	}
	return accorev1.EnvVarSource().WithSecretKeyRef(selector)
}

// annotations are those of the process's pods.
func (p process) annotations(in Input) map[string]string {
	_, secrets := merge(p.env, p.secrets)
	used := make(map[string]string)
	for _, secret := range secrets {
		if secret.From != "" {
			used[secret.From] = in.Provided[secret.From]
		}
	}
	if len(used) == 0 {
		return nil
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(used)) {
		fmt.Fprintln(sum, name, used[name])
	}
	return map[string]string{ProvidedAnnotation: hex.EncodeToString(sum.Sum(nil)[:16])}
}
