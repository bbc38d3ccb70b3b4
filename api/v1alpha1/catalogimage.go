package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// CatalogImageSpec is one image that processes may run in without a build.
type CatalogImageSpec struct {
	// Image is the image, by tag (followed) or by digest. It must have /bin/sh. Its processes run as user 1000, whatever
	// it says itself.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image"`

	// Aliases are other names that `image:` in a toolforge.yaml may use for it.
	// +kubebuilder:validation:MaxItems=20
	// +listType=set
	// +optional
	Aliases []string `json:"aliases,omitempty"`

	// Command is the shell command line that a webservice runs which names no command of its own; empty: it must name one.
	// +kubebuilder:validation:MaxLength=8192
	// +optional
	Command string `json:"command,omitempty"`
}

// CatalogImageStatus is what the image is now.
type CatalogImageStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Ready, as kstatus knows it.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Image is spec.image by digest.
	// +optional
	Image string `json:"image,omitempty"`
}

// CatalogImage is one entry of the catalogue of images: what `image:` in a toolforge.yaml may name.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=toolforge
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Aliases",type=string,JSONPath=`.spec.aliases`
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.status.image`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type CatalogImage struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   CatalogImageSpec   `json:"spec"`
	Status CatalogImageStatus `json:"status,omitempty"`
}

// CatalogImageList is a list of catalogue images.
//
// +kubebuilder:object:root=true
type CatalogImageList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []CatalogImage `json:"items"`
}

// GetConditions returns the image's conditions, as fluxcd/pkg/runtime/conditions reads them.
func (i *CatalogImage) GetConditions() []metav1.Condition { return i.Status.Conditions }

// SetConditions replaces the image's conditions, as fluxcd/pkg/runtime/conditions writes them.
func (i *CatalogImage) SetConditions(conditions []metav1.Condition) { i.Status.Conditions = conditions }
