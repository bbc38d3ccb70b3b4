package render

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	acmetav1 "k8s.io/client-go/applyconfigurations/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

// Of every object that toolforged applies, beside the labels in api/v1alpha1.
const (
	// NameLabel is the name of the process: the webservice or a job.
	NameLabel = api.NameLabel
	// HashAnnotation identifies the rendering.
	HashAnnotation = "toolforge.org/rendered-hash"
)

// Input is everything that the objects depend on.
type Input struct {
	// Tool is the tool's name, Namespace where its objects live.
	Tool, Namespace string
	// Manifest is what the maintainers wrote.
	Manifest *manifest.Manifest
	// Images are the images that the tool's processes run in, by ImageName.
	Images map[string]Image
	// Domain is the parent of every tool's host name.
	Domain string
	// IngressClass is the class of the tool's Ingress; empty for the cluster's default.
	IngressClass string
	// RolloutDeadline is how long a new pod may take to become healthy, in whole seconds.
	RolloutDeadline time.Duration
	// Autoscaled names the Deployments whose replicas an autoscaler sets: they are not rendered.
	Autoscaled []string
	// Own are the Kubernetes objects that the tool brings itself.
	Own []*unstructured.Unstructured
	// Provided are the versions of the platform's Secrets that the manifest refers to, by name.
	Provided map[string]string
	// Quota is how much the tool may use; nil for no bounds.
	Quota *QuotaClass
	// Hosts are the names, beside its own, under which the webservice is reached: those of the manifest's that are the tool's.
	Hosts []string
	// Volumes are the platform's shared volumes that the tool may use.
	Volumes []Volume
	// Owner is the Tool. With it goes what is in no namespace.
	Owner metav1.OwnerReference
}

// Host is the name under which the webservice is reached.
func (in Input) Host() string { return in.Tool + "." + in.Domain }

// Objects renders everything that the manifest declares but its pre-deploy jobs, in the order in which it should be applied:
// Secrets, without their values, before what uses them. Each object carries the hash of its rendering.
func Objects(in Input) ([]*unstructured.Unstructured, error) {
	configurations := secretObjects(in)
	if in.Manifest.Kubernetes != nil {
		configurations = append(configurations, own(in)...)
	}
	if in.Manifest.Webservice != nil {
		configurations = append(configurations, webservice(in)...)
	}
	for _, job := range in.Manifest.Jobs {
		switch {
		case job.Continuous:
			configurations = append(configurations, continuous(in, job)...)
		case job.Schedule != "":
			configurations = append(configurations, scheduled(in, job))
		}
	}
	if len(in.Manifest.Network.AllowFrom) > 0 {
		configurations = append(configurations, allowFrom(in))
	}
	return objectsOf(configurations)
}

func objectsOf(configurations []any) ([]*unstructured.Unstructured, error) {
	objects := make([]*unstructured.Unstructured, 0, len(configurations))
	for _, configuration := range configurations {
		object, err := Object(configuration)
		if err != nil {
			return nil, err
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// Key identifies a rendering as a whole: the same key, the same objects.
func Key(objects []*unstructured.Unstructured) string {
	sum := sha256.New()
	for _, object := range objects {
		fmt.Fprintln(sum, object.GetKind(), object.GetName(), object.GetAnnotations()[HashAnnotation])
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// Namespace renders the tool's namespace. With an owner it goes when the tool goes, and everything in it; an adopted one
// has none.
func Namespace(name, tool string, owner *metav1.OwnerReference) (*unstructured.Unstructured, error) {
	metadata := map[string]any{
		"name": name,
		"labels": map[string]any{
			api.ManagedByLabel:                   api.ManagedBy,
			api.ToolLabel:                        tool,
			"pod-security.kubernetes.io/enforce": "restricted",
			"pod-security.kubernetes.io/warn":    "restricted",
		},
	}
	if owner != nil {
		metadata["ownerReferences"] = []any{map[string]any{
			"apiVersion": owner.APIVersion, "kind": owner.Kind, "name": owner.Name, "uid": string(owner.UID),
		}}
	}
	return Object(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
}

// Object makes an object of an apply configuration and puts the hash of its rendering into it.
func Object(configuration any) (*unstructured.Unstructured, error) {
	encoded, err := json.Marshal(configuration)
	if err != nil {
		return nil, fmt.Errorf("encode rendered object: %w", err)
	}
	object := &unstructured.Unstructured{}
	if err := json.Unmarshal(encoded, &object.Object); err != nil {
		return nil, fmt.Errorf("decode rendered object: %w", err)
	}
	sum := sha256.Sum256(encoded)
	annotations := object.GetAnnotations()
	if annotations == nil {
		annotations = make(map[string]string, 1)
	}
	annotations[HashAnnotation] = hex.EncodeToString(sum[:16])
	object.SetAnnotations(annotations)
	return object, nil
}

// ownLabels are those of every object of the tool's.
func (in Input) ownLabels() map[string]string {
	return map[string]string{api.ManagedByLabel: api.ManagedBy, api.ToolLabel: in.Tool}
}

// labels are those of an object that belongs to one process: the webservice or a job.
func (in Input) labels(component, name string) map[string]string {
	labels := in.ownLabels()
	labels[api.ComponentLabel], labels[NameLabel] = component, name
	return labels
}

// selector holds the labels that never change for a process.
func selector(name string) map[string]string { return map[string]string{NameLabel: name} }

func labelSelector(name string) *acmetav1.LabelSelectorApplyConfiguration {
	return acmetav1.LabelSelector().WithMatchLabels(selector(name))
}
