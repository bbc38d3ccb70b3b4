package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BuilderSpec is one entry of the catalogue of builders.
type BuilderSpec struct {
	// Image is the Cloud Native Buildpacks builder image, by tag (followed) or by digest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image"`

	// RunImage is the image that built tools run on, by tag (followed) or by digest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	RunImage string `json:"runImage"`

	// Default makes it the builder of every tool that names none. If several say so, the first by name is taken.
	// +optional
	Default bool `json:"default,omitempty"`

	// Languages are the names that `stack:` in a toolforge.yaml may use. Of a tool that names none, the first that fits is
	// taken, in this order; without languages, the builder image's own order is used.
	// +listType=map
	// +listMapKey=name
	// +optional
	Languages []Language `json:"languages,omitempty"`

	// Before are the ids of buildpacks that take part in every build, before those of the languages, where they detect
	// something: one that installs packages, for example.
	// +optional
	Before []string `json:"before,omitempty"`

	// Always are the ids of buildpacks that take part in every build, after those of the languages, where they detect
	// something: a Procfile's, for example.
	// +optional
	Always []string `json:"always,omitempty"`

	// Buildpacks are images with more buildpacks than the builder image has ("buildpackages"), which languages, before and
	// always may name. The image that builds then is made of them all and kept in the platform's registry.
	// +kubebuilder:validation:MaxItems=20
	// +listType=map
	// +listMapKey=image
	// +optional
	Buildpacks []BuildpackImage `json:"buildpacks,omitempty"`

	// Limits are for builds by this builder, where they are to be others than the platform's.
	// +optional
	Limits *BuildLimits `json:"limits,omitempty"`

	// Deprecated warns the tools that are built by it.
	// +optional
	Deprecated *Deprecation `json:"deprecated,omitempty"`
}

// BuildLimits bound a build. What is left out is as the platform has it.
type BuildLimits struct {
	// Timeout is how long a build may take.
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
	// CPU and Memory are for each container of a build.
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
	// Disk is what a build may write to disk, source and layers together.
	// +optional
	Disk *resource.Quantity `json:"disk,omitempty"`
	// ImageSize is what an image may hold beside the one that it is built upon, uncompressed.
	// +optional
	ImageSize *resource.Quantity `json:"imageSize,omitempty"`
	// CacheSize is what may be kept for the next build, uncompressed. A larger cache is not kept.
	// +optional
	CacheSize *resource.Quantity `json:"cacheSize,omitempty"`
}

// BuildpackImage is an image that holds buildpacks, as `pack buildpack package` makes it.
type BuildpackImage struct {
	// Image is followed by tag, or named by digest.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Image string `json:"image"`
}

// Deprecation says that an entry of the catalogue will go.
type Deprecation struct {
	// Since is the day from which it should not be used any more, as in 2026-11-26.
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	// +optional
	Since string `json:"since,omitempty"`
	// Until is the day until which it is there.
	// +kubebuilder:validation:Pattern=`^[0-9]{4}-[0-9]{2}-[0-9]{2}$`
	// +optional
	Until string `json:"until,omitempty"`
	// UseInstead is the name of the builder to use.
	// +kubebuilder:validation:MaxLength=63
	// +optional
	UseInstead string `json:"useInstead,omitempty"`
	// Message is a sentence for the maintainers.
	// +kubebuilder:validation:MaxLength=500
	// +optional
	Message string `json:"message,omitempty"`
}

// Language is a name for `stack:` and the buildpacks that it stands for.
type Language struct {
	// Name is what maintainers write.
	// +kubebuilder:validation:Pattern=`^[a-z][a-z0-9.+-]*$`
	// +kubebuilder:validation:MaxLength=63
	Name string `json:"name"`
	// Buildpacks are the ids of the builder image's buildpacks, in order.
	// +kubebuilder:validation:MinItems=1
	Buildpacks []string `json:"buildpacks"`
	// QuotaClasses are the classes whose tools may use it; left out, every tool may.
	// +optional
	QuotaClasses []string `json:"quotaClasses,omitempty"`
}

// BuilderStatus is what the images are now.
type BuilderStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// Conditions: Ready, as kstatus knows it.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`
	// Image is spec.image by digest, or what is made of it and spec.buildpacks. The last that could be used stays.
	// +optional
	Image string `json:"image,omitempty"`
	// RunImage is spec.runImage by digest.
	// +optional
	RunImage string `json:"runImage,omitempty"`
	// Buildpacks are the buildpacks that the image holds, those of spec.buildpacks with it.
	// +optional
	Buildpacks []Buildpack `json:"buildpacks,omitempty"`
	// PlatformAPI is the newest platform API that both toolforged and the image's lifecycle speak.
	// +optional
	PlatformAPI string `json:"platformAPI,omitempty"`
	// Lifecycle is the version of the image's lifecycle.
	// +optional
	Lifecycle string `json:"lifecycle,omitempty"`
}

// Buildpack is one buildpack of a builder image.
type Buildpack struct {
	// ID is the buildpack's id.
	ID string `json:"id"`
	// Version is the buildpack's version.
	Version string `json:"version"`
}

// Builder is one entry of the catalogue of builders: a builder image, a run image, and the languages they offer.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=toolforge
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Default",type=boolean,JSONPath=`.spec.default`
// +kubebuilder:printcolumn:name="Languages",type=string,JSONPath=`.spec.languages[*].name`
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.status.image`,priority=1
// +kubebuilder:printcolumn:name="Run image",type=string,JSONPath=`.status.runImage`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Builder struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   BuilderSpec   `json:"spec"`
	Status BuilderStatus `json:"status,omitempty"`
}

// BuilderList is a list of builders.
//
// +kubebuilder:object:root=true
type BuilderList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Builder `json:"items"`
}

// GetConditions returns the builder's conditions, as fluxcd/pkg/runtime/conditions reads them.
func (b *Builder) GetConditions() []metav1.Condition { return b.Status.Conditions }

// SetConditions replaces the builder's conditions, as fluxcd/pkg/runtime/conditions writes them.
func (b *Builder) SetConditions(conditions []metav1.Condition) { b.Status.Conditions = conditions }
