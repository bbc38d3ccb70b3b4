package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

// provided are the versions of the Secrets that the platform keeps for a tool, by name. It costs no request.
func (t *Tools) provided(ctx context.Context, tool *api.Tool) (map[string]string, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(secretKind)
	err := t.Client.List(ctx, list, client.InNamespace(tool.TargetNamespace()),
		client.MatchingLabels{api.SecretLabel: api.SecretProvided}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("list the Secrets of the platform: %w", err)
	}
	versions := make(map[string]string, len(list.Items))
	for i := range list.Items {
		if secret := &list.Items[i]; !owned(secret, tool.Name) {
			versions[secret.Name] = string(secret.UID) + "/" + secret.ResourceVersion
		}
	}
	return versions, nil
}

// refersTo tells whether a manifest takes anything from Secrets of the platform.
func refersTo(m *manifest.Manifest) bool {
	return slices.ContainsFunc(secretsOf(m), func(s placedSecret) bool { return s.From != "" })
}

// providedProblems finds what the manifest takes from Secrets that do not have it.
func (t *Tools) providedProblems(ctx context.Context, p *pass) (manifest.Problems, result) {
	m := p.revision.Manifest
	if !refersTo(m) {
		return nil, result{}
	}
	// There must be a namespace before anybody can put a Secret into it.
	if r := t.prepare(ctx, p); r.outcome > degraded {
		return nil, r
	}
	versions, err := t.provided(ctx, p.tool)
	if err != nil {
		return nil, fail(api.ReasonApplyFailed, err)
	}
	var problems manifest.Problems
	for _, secret := range secretsOf(m) {
		if secret.From == "" {
			continue
		}
		if versions[secret.From] == "" {
			problems = append(problems, m.Problem(secret.path+".from", missingSecret(secret.From, p.tool, versions)))
			continue
		}
		keys, err := t.keysOf(ctx, p.tool, secret.From, versions[secret.From])
		if err != nil {
			return nil, fail(api.ReasonApplyFailed, err)
		}
		if !slices.Contains(keys, secret.Key) {
			problems = append(problems, m.Problem(secret.path+".key", fmt.Sprintf("Secret `%s` has no key `%s`; it has: %s",
				secret.From, secret.Key, listed(keys))))
		}
	}
	return problems, result{}
}

func missingSecret(name string, tool *api.Tool, versions map[string]string) string {
	return fmt.Sprintf("the platform keeps no Secret `%s` for this tool; it keeps: %s. Check the name, or ask an administrator to put it into "+
		"namespace %s with the label %s=%s", name, listed(slices.Sorted(maps.Keys(versions))), tool.TargetNamespace(), api.SecretLabel, api.SecretProvided)
}

func listed(names []string) string {
	const most = 20
	if len(names) == 0 {
		return "nothing"
	}
	if len(names) > most {
		names = append(slices.Clone(names[:most]), "…")
	}
	return strings.Join(names, ", ")
}

// keysOf are the keys of one of the platform's Secrets, sorted. They are read once for each version of it.
func (t *Tools) keysOf(ctx context.Context, tool *api.Tool, name, version string) ([]string, error) {
	if keys, ok := t.secretKeys.get(tool.Name, name, version); ok {
		return keys, nil
	}
	secret := &corev1.Secret{}
	if err := t.Live.Get(ctx, client.ObjectKey{Namespace: tool.TargetNamespace(), Name: name}, secret); client.IgnoreNotFound(err) != nil {
		return nil, fmt.Errorf("read Secret %s of the platform: %w", name, hidden(err))
	}
	keys := slices.Sorted(maps.Keys(secret.Data))
	t.secretKeys.set(tool.Name, name, string(secret.UID)+"/"+secret.ResourceVersion, keys)
	return keys, nil
}

// secretKeys remembers the names of the keys of the platform's Secrets that tools refer to.
type secretKeys struct {
	mu     sync.Mutex
	byTool map[string]map[string]keysAt
}

type keysAt struct {
	version string
	keys    []string
}

func newSecretKeys() *secretKeys { return &secretKeys{byTool: make(map[string]map[string]keysAt)} }

func (s *secretKeys) get(tool, secret, version string) ([]string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known, ok := s.byTool[tool][secret]
	return known.keys, ok && known.version == version
}

func (s *secretKeys) set(tool, secret, version string, keys []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byTool[tool] == nil {
		s.byTool[tool] = make(map[string]keysAt)
	}
	s.byTool[tool][secret] = keysAt{version, keys}
}

func (s *secretKeys) forget(tool string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byTool, tool)
}
