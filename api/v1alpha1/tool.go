package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ToolSpec says where a tool comes from. What it is, its repository's toolforge.yaml says.
type ToolSpec struct {
	// Repository is the URL of the tool's git repository, http, https or ssh, without credentials in it: of ssh it may have
	// the user name.
	// +kubebuilder:validation:Pattern=`^(https?://|ssh://([A-Za-z0-9._-]+@)?)[^/@?#\s]+/[^@?#\s]+$`
	// +kubebuilder:validation:MaxLength=2048
	Repository string `json:"repository"`

	// Ref is the branch, tag or full commit id to follow. A short name is a branch, or else a tag; never a part of one.
	// +kubebuilder:default=HEAD
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +optional
	Ref string `json:"ref,omitempty"`

	// Interval is the time between two polls of the repository, at least one second.
	// +kubebuilder:default="1m"
	// +kubebuilder:validation:XValidation:rule="duration(self) >= duration('1s')",message="must be at least 1s"
	// +optional
	Interval metav1.Duration `json:"interval,omitempty"`

	// Suspend stops polling, building and converging. What runs goes on.
	// +optional
	Suspend bool `json:"suspend,omitempty"`

	// AdoptNamespace lets the tool use a namespace of its name that exists already and is no other tool's. What others have
	// in it is left alone, and it stays when the tool goes.
	// +optional
	AdoptNamespace bool `json:"adoptNamespace,omitempty"`

	// QuotaClass says how much the tool may use: the name of one of the classes that the administrator has defined. Where
	// none is defined, it means nothing.
	// +kubebuilder:default=default
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:MaxLength=63
	// +optional
	QuotaClass string `json:"quotaClass,omitempty"`

	// Hosts are the names, beside its own, under which the tool's webservice may be reached: it has those that its
	// toolforge.yaml asks for. Of two Tools with the same host, the older one has it. No name below the platform's domain is
	// any other tool's than that of the name.
	// +kubebuilder:validation:MaxItems=20
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$`
	// +listType=set
	// +optional
	Hosts []string `json:"hosts,omitempty"`

	// SecretRef names a Secret in the namespace of the builds, for a repository that asks for credentials: username and
	// password, or bearerToken; identity and known_hosts for ssh; ca.crt; proxy.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// Verify has only commits deployed that are signed by one of these keys. It stands instead of the platform's own keys, where
	// the platform requires signed commits.
	// +optional
	Verify *Verify `json:"verify,omitempty"`
}

// SecretReference names a Secret in the namespace of the builds.
type SecretReference struct {
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// ToolStatus is what became of the newest commits: the only record there is.
type ToolStatus struct {
	// ObservedGeneration is the generation of the spec that this status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// Conditions: Ready, Reconciling and Stalled as kstatus knows them, and one for each step on the way.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// URL is the address of the webservice, empty when the tool has none.
	// +optional
	URL string `json:"url,omitempty"`

	// PublicKey is the age public key for which maintainers encrypt the values in toolforge.yaml. The private key is in
	// the Secret age-<tool> in the namespace of the builds.
	// +optional
	PublicKey string `json:"publicKey,omitempty"`

	// Seen is the newest revision found at spec.ref.
	// +optional
	Seen *Revision `json:"seen,omitempty"`

	// Serving is the newest deployment that became healthy: what is put back when a later one does not.
	// +optional
	Serving *Deployment `json:"serving,omitempty"`

	// Deploying is the deployment under way, not healthy yet.
	// +optional
	Deploying *Deployment `json:"deploying,omitempty"`

	// History holds the last 25 deployments, newest first.
	// +optional
	// +kubebuilder:validation:MaxItems=25
	History []PastDeployment `json:"history,omitempty"`

	// Healed holds the last 10 objects that somebody else had changed and toolforged has put back, newest first.
	// +optional
	// +kubebuilder:validation:MaxItems=10
	Healed []Healed `json:"healed,omitempty"`

	// Problems are the mistakes in the toolforge.yaml of the revision seen, sorted by line; at most 50.
	// +optional
	Problems []Problem `json:"problems,omitempty"`

	// Conversion is there when the toolforge.yaml of the revision seen is in an older format.
	// +optional
	Conversion *Conversion `json:"conversion,omitempty"`

	// Builds holds the last build of each of the tool's images.
	// +listType=map
	// +listMapKey=name
	// +optional
	Builds []Build `json:"builds,omitempty"`

	// BuildHistory holds the last 20 builds that were begun and are not in Builds any more, newest first.
	// +optional
	// +kubebuilder:validation:MaxItems=20
	BuildHistory []PastBuild `json:"buildHistory,omitempty"`

	// Jobs are the scheduled jobs: since when each has its schedule, and which of its runs did not take place since. What
	// became of those that did is told by their Jobs.
	// +listType=map
	// +listMapKey=name
	// +optional
	Jobs []ScheduledJob `json:"jobs,omitempty"`

	// Inventory lists the objects that toolforged applied for the tool and has not pruned.
	// +optional
	Inventory []Object `json:"inventory,omitempty"`
}

// Conversion says how a toolforge.yaml in an older format was read.
type Conversion struct {
	// Format names the format.
	Format string `json:"format"`
	// Notes say what was not carried over, sorted by line.
	// +optional
	Notes []Problem `json:"notes,omitempty"`
	// V1 is the same file in version v1; empty when it would be larger than 256 KiB.
	// +optional
	V1 string `json:"v1,omitempty"`
}

// Revision is a commit and when it was first seen.
type Revision struct {
	// Commit is the full id of the commit.
	Commit string `json:"commit"`
	// SeenAt is when toolforged first saw it at spec.ref.
	SeenAt metav1.Time `json:"seenAt"`
}

// Deployment is a revision put into effect: all that its objects are rendered from.
type Deployment struct {
	// Commit is the full id of the commit.
	Commit string `json:"commit"`
	// Repository and Ref are what was followed: a manifest in an older format is read by them.
	// +optional
	Repository string `json:"repository,omitempty"`
	// +optional
	Ref string `json:"ref,omitempty"`
	// Images are the images in use, sorted by name.
	// +optional
	Images []Image `json:"images,omitempty"`
	// Manifest is the commit's toolforge.yaml, as it was read.
	// +optional
	Manifest string `json:"manifest,omitempty"`
	// Objects are the Kubernetes objects that the tool brings itself, in JSON, one a line.
	// +optional
	Objects string `json:"objects,omitempty"`
	// Key identifies the rendered objects: the same key, the same objects.
	// +optional
	Key string `json:"key,omitempty"`
	// Since is when it became healthy; of a deployment under way, when it began to be applied, or its pre-deploy jobs to run.
	Since metav1.Time `json:"since"`
}

// Outcome is what became of a deployment.
// +kubebuilder:validation:Enum=Progressing;Succeeded;Failed;Superseded
type Outcome string

// The outcomes of a deployment.
const (
	// OutcomeProgressing: it is not healthy yet.
	OutcomeProgressing Outcome = "Progressing"
	// OutcomeSucceeded: it became healthy.
	OutcomeSucceeded Outcome = "Succeeded"
	// OutcomeFailed: it did not become healthy in time. What served before was put back, if there was anything.
	OutcomeFailed Outcome = "Failed"
	// OutcomeSuperseded: a newer one began before it was healthy.
	OutcomeSuperseded Outcome = "Superseded"
)

// PastDeployment is one entry of a tool's history.
type PastDeployment struct {
	// Commit is the full id of the commit.
	Commit string `json:"commit"`
	// Images are the images that it used, sorted by name.
	// +optional
	Images []Image `json:"images,omitempty"`
	// Key identifies the rendered objects.
	Key string `json:"key"`
	// Cause says why it was made, with old and new value.
	Cause string `json:"cause"`
	// Outcome is what became of it.
	Outcome Outcome `json:"outcome"`
	// Message says why it failed.
	// +optional
	Message string `json:"message,omitempty"`
	// PreDeploy says what became of its pre-deploy jobs, in their order. Those of long ago are forgotten.
	// +optional
	PreDeploy []PreDeployRun `json:"preDeploy,omitempty"`
	// StartedAt is when it began: with its pre-deploy jobs, or by being applied.
	StartedAt metav1.Time `json:"startedAt"`
	// FinishedAt is when its outcome was known.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}

// PreDeployState is where the run of a pre-deploy job stands.
// +kubebuilder:validation:Enum=Waiting;Running;Succeeded;Failed
type PreDeployState string

// The states of a pre-deploy job's run.
const (
	// PreDeployWaiting: it has not been started yet, and never is when one before it failed.
	PreDeployWaiting   PreDeployState = "Waiting"
	PreDeployRunning   PreDeployState = "Running"
	PreDeploySucceeded PreDeployState = "Succeeded"
	PreDeployFailed    PreDeployState = "Failed"
)

// PreDeployRun is the run of one pre-deploy job for one deployment. There is never a second one.
type PreDeployRun struct {
	// Name is the job's name in toolforge.yaml.
	Name string `json:"name"`
	// Job is the name of the Kubernetes Job.
	Job string `json:"job"`
	// State is where it stands.
	State PreDeployState `json:"state"`
	// ExitCode is the process's; missing while it runs, and when it is not known.
	// +optional
	ExitCode *int32 `json:"exitCode,omitempty"`
	// Message says why it failed.
	// +optional
	Message string `json:"message,omitempty"`
	// StartedAt is when it was started.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// FinishedAt is when it succeeded or failed.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}

// Healed is an object that toolforged has put back.
type Healed struct {
	// APIVersion is the object's group and version.
	APIVersion string `json:"apiVersion"`
	// Kind is the object's kind.
	Kind string `json:"kind"`
	// Name is the object's name.
	Name string `json:"name"`
	// What was found: that it was deleted, or which fields were changed, and by whom as the API server has it.
	What string `json:"what"`
	// Times counts how often it was put back, each time within ten minutes of the last.
	Times int `json:"times"`
	// Since is when it was put back first of those times.
	Since metav1.Time `json:"since"`
	// At is when it was put back last.
	At metav1.Time `json:"at"`
}

// Image is one image that a tool's processes run in.
type Image struct {
	// Name is the build's name, "main" for the tool's own repository; or "catalog/" and the name of a CatalogImage.
	Name string `json:"name"`
	// Reference is the image by digest: repository@sha256:….
	Reference string `json:"reference"`
	// Processes are the process types that a built image offers; the history does without.
	// +optional
	Processes []string `json:"processes,omitempty"`
	// Command is the shell command line that a CatalogImage runs by itself; the history does without.
	// +optional
	Command string `json:"command,omitempty"`
}

// Problem is one mistake in a toolforge.yaml.
type Problem struct {
	// Line counts from 1; 0 when the problem has no place in the file.
	Line int `json:"line"`
	// Column counts from 1, in characters.
	Column int `json:"column"`
	// Message says what is wrong and what to write instead.
	Message string `json:"message"`
	// Section is the part of docs/toolforge-yaml.md that says more: the anchor of a heading.
	// +optional
	Section string `json:"section,omitempty"`
}

// ScheduledJob is what is kept of a scheduled job.
type ScheduledJob struct {
	// Name is the job's name.
	Name string `json:"name"`
	// Schedule is when it runs: five cron fields, UTC.
	Schedule string `json:"schedule"`
	// Since is when it was first seen with that schedule. No run was expected before.
	Since metav1.Time `json:"since"`
	// Missed holds the last 5 times that runs did not take place, newest first.
	// +optional
	// +kubebuilder:validation:MaxItems=5
	Missed []MissedRuns `json:"missed,omitempty"`
}

// MissedRuns are runs that were due and did not take place: one, or several for the same reason soon after each other.
type MissedRuns struct {
	// First is when the first of them was due, Last when the last was.
	First metav1.Time `json:"first"`
	Last  metav1.Time `json:"last"`
	// Runs counts them.
	Runs int32 `json:"runs"`
	// Reason is why.
	Reason MissedReason `json:"reason"`
	// Message says why the first did not take place.
	Message string `json:"message"`
}

// MissedReason is why a run did not take place.
// +kubebuilder:validation:Enum=Skipped;Missed
type MissedReason string

// The reasons why a run does not take place.
const (
	// RunSkipped: the run before was not over, and the job has `concurrency: forbid`.
	RunSkipped MissedReason = "Skipped"
	// RunMissed: the platform did not start it in time.
	RunMissed MissedReason = "Missed"
)

// Object is one applied object and the version of it that was last written.
type Object struct {
	// APIVersion is the object's group and version.
	APIVersion string `json:"apiVersion"`
	// Kind is the object's kind.
	Kind string `json:"kind"`
	// Namespace is empty for an object that has none.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// Name is the object's name.
	Name string `json:"name"`
	// Hash identifies the rendering that was applied.
	Hash string `json:"hash"`
	// Version is the object's generation after that write (where its kind has none, a number made of the fields that
	// toolforged wrote): another one means that somebody else has changed it.
	Version string `json:"version"`
}

// Tool is one tool: a repository whose toolforge.yaml is kept in effect in the namespace tool-<name>.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,categories=toolforge
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Seen",type=string,JSONPath=`.status.seen.commit`,priority=1
// +kubebuilder:printcolumn:name="Serving",type=string,JSONPath=`.status.serving.commit`
// +kubebuilder:printcolumn:name="URL",type=string,JSONPath=`.status.url`
// +kubebuilder:printcolumn:name="Repository",type=string,JSONPath=`.spec.repository`,priority=1
// +kubebuilder:printcolumn:name="Message",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 52",message="a tool's name is at most 52 lower-case letters, digits and hyphens, and begins and ends with a letter or digit"
type Tool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   ToolSpec   `json:"spec"`
	Status ToolStatus `json:"status,omitempty"`
}

// ToolList is a list of tools.
//
// +kubebuilder:object:root=true
type ToolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Tool `json:"items"`
}

// GetConditions returns the tool's conditions, as fluxcd/pkg/runtime/conditions reads them.
func (t *Tool) GetConditions() []metav1.Condition { return t.Status.Conditions }

// SetConditions replaces the tool's conditions, as fluxcd/pkg/runtime/conditions writes them.
func (t *Tool) SetConditions(conditions []metav1.Condition) { t.Status.Conditions = conditions }

// NamespacePrefix begins the name of every tool's namespace.
const NamespacePrefix = "tool-"

// TargetNamespace is the namespace that holds everything that runs for the tool.
func (t *Tool) TargetNamespace() string { return NamespacePrefix + t.Name }
