package policy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/sources/signed"
)

// Policy is what the administrator has decided about all tools. The zero value bounds nothing and offers nothing.
type Policy struct {
	// Classes are the quota classes of the platform, by name; nil for no bounds.
	Classes map[string]Class
	// Volumes are the shared volumes of the platform; a `${tool}` in them stands for a tool's name.
	Volumes []render.Volume
	// Kinds are those that tools may bring as Kubernetes objects of their own.
	Kinds []Kind
	// Signers are the keys by which the commits of tools must be signed that have no keys of their own; nil where commits need
	// not be signed.
	Signers *signed.Keys
}

// Class is what the tools of one quota class may do.
type Class struct {
	render.QuotaClass
	// Builders are the builders that they may use; nil for all.
	Builders []string
	// Mounts tells that they have the platform's shared volumes.
	Mounts bool
}

// Kind is one kind of Kubernetes objects. Whether its objects live in a namespace, only an API server knows.
type Kind struct {
	schema.GroupVersionKind
	// Resource is the kind's name in the API's paths: lower case, plural.
	Resource string
}

// Mounted are the volumes that the tools of a class see.
func (p Policy) Mounted(class string) []render.Volume {
	if p.Classes != nil && !p.Classes[class].Mounts {
		return nil
	}
	return p.Volumes
}

// OwnKinds are the kinds that tools may bring.
func (p Policy) OwnKinds() []schema.GroupVersionKind {
	kinds := make([]schema.GroupVersionKind, 0, len(p.Kinds))
	for _, kind := range p.Kinds {
		kinds = append(kinds, kind.GroupVersionKind)
	}
	return kinds
}

type writtenPolicy struct {
	QuotaClasses map[string]writtenClass `json:"quotaClasses"`
	Volumes      []writtenVolume         `json:"volumes"`
	Kinds        []writtenKind           `json:"kinds"`
	// SignedCommits, when it is there, has every tool's commits signed.
	SignedCommits *struct {
		Keys []string `json:"keys"`
	} `json:"signedCommits"`
}

type writtenClass struct {
	Quota  quantities `json:"quota"`
	Limits struct {
		Default        quantities `json:"default"`
		DefaultRequest quantities `json:"defaultRequest"`
		Max            quantities `json:"max"`
	} `json:"limits"`
	Builders []string `json:"builders"`
	Mounts   bool     `json:"mounts"`
}

type writtenKind struct {
	Group    string `json:"group"`
	Version  string `json:"version"`
	Kind     string `json:"kind"`
	Resource string `json:"resource"`
}

// Parse reads the administrator's file: YAML. A key that is not known is an error, not ignored: what was meant to be a limit
// must not be none.
func Parse(data []byte) (Policy, error) {
	var written writtenPolicy
	if err := yaml.UnmarshalStrict(data, &written); err != nil {
		return Policy{}, err
	}
	var p Policy
	for _, name := range slices.Sorted(maps.Keys(written.QuotaClasses)) {
		if len(validation.IsDNS1123Label(name)) > 0 {
			return Policy{}, fmt.Errorf("class %q: a name is at most 63 lower-case letters, digits and hyphens", name)
		}
		class := written.QuotaClasses[name]
		if class.Builders != nil && len(class.Builders) == 0 {
			return Policy{}, fmt.Errorf("class %q: builders is empty: without the key, all builders are allowed", name)
		}
		if p.Classes == nil {
			p.Classes = make(map[string]Class, len(written.QuotaClasses))
		}
		p.Classes[name] = class.class()
	}
	for i, volume := range written.Volumes {
		v, err := volume.volume()
		if err == nil && slices.ContainsFunc(p.Volumes, v.clashes) {
			err = errors.New("another volume has that name, or is mounted at, above or below that path")
		}
		if err != nil {
			return Policy{}, fmt.Errorf("volumes[%d] %q: %w", i, volume.Name, err)
		}
		p.Volumes = append(p.Volumes, v.Volume)
	}
	for i, kind := range written.Kinds {
		if err := kind.check(); err != nil {
			return Policy{}, fmt.Errorf("kinds[%d] %q: %w", i, kind.Kind, err)
		}
		p.Kinds = append(p.Kinds, Kind{schema.GroupVersionKind{Group: kind.Group, Version: kind.Version, Kind: kind.Kind}, kind.Resource})
	}
	if required := written.SignedCommits; required != nil {
		signers, err := signed.ParseKeys(KeyFiles(required.Keys))
		if err != nil {
			return Policy{}, fmt.Errorf("signedCommits: %w", err)
		}
		p.Signers = &signers
	}
	return p, nil
}

// KeyFiles are public keys as they are listed in a resource or in the administrator's file.
func KeyFiles(keys []string) []signed.File {
	files := make([]signed.File, 0, len(keys))
	for i, key := range keys {
		files = append(files, signed.File{Name: fmt.Sprintf("keys[%d]", i), Data: []byte(key)})
	}
	return files
}

func (w writtenClass) class() Class {
	return Class{
		QuotaClass: render.QuotaClass{
			Quota: corev1.ResourceList(w.Quota),
			Limits: render.ContainerLimits{
				Default:        corev1.ResourceList(w.Limits.Default),
				DefaultRequest: corev1.ResourceList(w.Limits.DefaultRequest),
				Max:            corev1.ResourceList(w.Limits.Max),
			},
		},
		Builders: w.Builders,
		Mounts:   w.Mounts,
	}
}

func (w writtenKind) check() error {
	switch {
	case w.Version == "" || w.Kind == "" || w.Resource == "":
		return errors.New("version, kind and resource must be given; group is empty for the core group")
	case w.Group != "" && len(validation.IsDNS1123Subdomain(w.Group)) > 0:
		return fmt.Errorf("group is %q: it must be a group such as batch or networking.k8s.io", w.Group)
	case len(validation.IsDNS1035Label(w.Version)) > 0:
		return fmt.Errorf("version is %q: it must be a version such as v1", w.Version)
	case len(validation.IsDNS1035Label(strings.ToLower(w.Kind))) > 0 || w.Kind == strings.ToLower(w.Kind):
		return fmt.Errorf("kind is %q: it must be a kind such as ConfigMap", w.Kind)
	case len(validation.IsDNS1035Label(w.Resource)) > 0:
		return fmt.Errorf("resource is %q: it must be a resource such as configmaps", w.Resource)
	case slices.Contains(forbiddenKinds, w.Kind):
		return errors.New("no tool may bring objects of this kind: it could reach beyond its quota, its namespace or its hosts by them")
	}
	return nil
}

// forbiddenKinds bound what tools may do, or go around what bounds it. Ingress: hosts are granted by spec.hosts.
var forbiddenKinds = []string{
	"Namespace", "ResourceQuota", "LimitRange", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
	"Secret", "NetworkPolicy", "Ingress", "HTTPRoute", "PersistentVolume", "Tool", "Builder", "CatalogImage",
}
