package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// DirectorySpec says which git repository lists tools: a YAML file for each.
type DirectorySpec struct {
	// Repository is the URL of the directory's git repository, as in a Tool.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=2048
	Repository string `json:"repository"`

	// Ref is the branch, tag or full commit id to follow.
	// +kubebuilder:default=HEAD
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Ref string `json:"ref,omitempty"`

	// Path is the directory of the repository that holds the files NAME.yaml, one for each tool.
	// +kubebuilder:default=tools
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Path string `json:"path,omitempty"`

	// Interval is the time between two polls of the repository, at least one second.
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	// +optional
	Interval metav1.Duration `json:"interval,omitempty"`

	// Suspend stops polling, and changes of Tools. The Tools stay.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// SecretRef names a Secret in the namespace of the builds for a repository that asks for credentials, as in a Tool.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// Verify has only commits of the directory taken that are signed by one of these keys.
	// +optional
	Verify *Verify `json:"verify,omitempty"`

	// Removals bounds how many Tools may go at once.
	// +kubebuilder:default={}
	// +optional
	Removals Removals `json:"removals,omitempty"`
}

// Removals bounds how many Tools may go at once because a commit no longer lists them: at most a share of the directory's, or
// a number, whichever is more. A commit that lists no tool at all removes none.
type Removals struct {
	// Percent is the share of the directory's Tools.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	// +optional
	Percent *int32 `json:"percent,omitempty"`
	// Number is how many may go whatever share of them it is.
	// +kubebuilder:default=1
	// +kubebuilder:validation:Minimum=0
	// +optional
	Number *int32 `json:"number,omitempty"`
}

// DirectoryStatus is what became of the newest commit of a directory.
type DirectoryStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions: Ready, Reconciling and Stalled as kstatus knows them; SourceReady, FilesValid, RemovalsAllowed and Applied.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// Seen is the newest commit found at spec.ref.
	// +optional
	Seen *Revision `json:"seen,omitempty"`

	// Applied is the newest commit of which all that could be was put into effect.
	// +optional
	Applied string `json:"applied,omitempty"`

	// Files counts the tools' files of the commit seen.
	// +optional
	Files int32 `json:"files,omitempty"`

	// Tools counts the Tools that are this directory's.
	// +optional
	Tools int32 `json:"tools,omitempty"`

	// Problems are what is wrong with files, sorted by file and line; at most 50. The Tool of such a file stays as it is.
	// +optional
	Problems []FileProblem `json:"problems,omitempty"`

	// Withheld names Tools that the commit seen does not list and that were not removed, since they are too many; at most 50.
	// +optional
	Withheld []string `json:"withheld,omitempty"`
}

// FileProblem is one mistake in a file of a directory.
type FileProblem struct {
	// File is the file's path in the repository.
	File string `json:"file"`
	// Line counts from 1; 0 when the problem has no place in the file.
	// +optional
	Line int `json:"line,omitempty"`
	// Column counts from 1, in characters.
	// +optional
	Column int `json:"column,omitempty"`
	// Message says what is wrong and what to write instead.
	Message string `json:"message"`
}

// Directory is a git repository that lists tools, a file for each: their Tools are kept as the files say.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=toolforge
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Tools",type=integer,JSONPath=`.status.tools`
// +kubebuilder:printcolumn:name="Applied",type=string,JSONPath=`.status.applied`
// +kubebuilder:printcolumn:name="Seen",type=string,JSONPath=`.status.seen.commit`,priority=1
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.repository`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 63",message="a directory's name is at most 63 lower-case letters, digits and hyphens, and begins and ends with a letter or digit"
type Directory struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   DirectorySpec   `json:"spec"`
	Status DirectoryStatus `json:"status,omitempty"`
}

// DirectoryList is a list of directories.
//
// +kubebuilder:object:root=true
type DirectoryList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Directory `json:"items"`
}

// GetConditions returns the directory's conditions, as fluxcd/pkg/runtime/conditions reads them.
func (d *Directory) GetConditions() []metav1.Condition { return d.Status.Conditions }

// SetConditions replaces the directory's conditions, as fluxcd/pkg/runtime/conditions writes them.
func (d *Directory) SetConditions(conditions []metav1.Condition) { d.Status.Conditions = conditions }

// The conditions of a Directory beside SourceReady, Applied and Ready.
const (
	// FilesValid: every file of the commit seen has no mistakes, and its tool may be the directory's.
	FilesValid = "FilesValid"
	// RemovalsAllowed: no more Tools would go than may.
	RemovalsAllowed = "RemovalsAllowed"
)

// The reasons of a Directory's conditions, beside those that it shares with a Tool. docs/reasons.md says what each means.
const (
	DirectoryMissing         = "DirectoryMissing"
	DirectoryInvalid         = "DirectoryInvalid"
	DirectoryFilesInvalid    = "FilesInvalid"
	DirectoryRemovalsRefused = "RemovalsRefused"
)

const (
	// DirectoryLabel is on every Tool that a Directory keeps: the Directory's name.
	DirectoryLabel = "toolforge.org/directory"
	// DirectoryHash is an annotation on such a Tool: what it was last written as.
	DirectoryHash = "toolforge.org/directory-hash"
	// AllowDirectory is an annotation on a Tool that an administrator made by hand: the name of the Directory that may have it.
	AllowDirectory = "toolforge.org/allow-directory"
	// AllowRemovals is an annotation on a Directory: the commit whose removals are let through, however many they are.
	AllowRemovals = "toolforge.org/allow-removals"
)
