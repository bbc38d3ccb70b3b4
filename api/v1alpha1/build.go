package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BuildState is where a build stands.
// +kubebuilder:validation:Enum=Waiting;Running;Succeeded;Failed
type BuildState string

// The states of a build.
const (
	BuildWaiting   BuildState = "Waiting"
	BuildRunning   BuildState = "Running"
	BuildSucceeded BuildState = "Succeeded"
	BuildFailed    BuildState = "Failed"
)

// Build is one build of one image.
type Build struct {
	// Name is the build's name; "main" for the tool's own repository.
	Name string `json:"name"`

	// Key names the build by its inputs: the source's tree, the builder, the build environment.
	Key string `json:"key"`

	// Commit is the commit that asked for the build.
	Commit string `json:"commit"`

	// Source is the git id of the source's contents.
	// +optional
	Source string `json:"source,omitempty"`

	// Branch is what of the repository is followed, which has a cache of its own; empty for the default branch.
	// +optional
	Branch string `json:"branch,omitempty"`

	// Paths are fingerprints of what is at the top of the source, by name; empty when there is more than 100 of it. They tell
	// the next build what changed.
	// +optional
	Paths map[string]string `json:"paths,omitempty"`

	// Builder is the builder image by digest.
	// +optional
	Builder string `json:"builder,omitempty"`

	// Environment are fingerprints of the build environment's values, by name.
	// +optional
	Environment map[string]string `json:"environment,omitempty"`

	// Configuration is what else the image is made with, such as its stack, in words.
	// +optional
	Configuration string `json:"configuration,omitempty"`

	// Cause says what changed since the build before.
	// +optional
	Cause BuildCause `json:"cause,omitzero"`

	// Reason says why it was built, with old and new value: Cause in words.
	// +optional
	Reason string `json:"reason,omitempty"`

	// Automatic tells that no maintainer asked for it: the platform changed. It waits behind those that somebody asked for.
	// +optional
	Automatic bool `json:"automatic,omitempty"`

	// State is where the build stands.
	State BuildState `json:"state"`

	// QueuedAt is since when it waits for its turn among the builds of all tools, or did; missing while it does not.
	// +optional
	QueuedAt *metav1.Time `json:"queuedAt,omitempty"`

	// Replaced counts the older commits that waited in this place and were never built.
	// +optional
	Replaced int `json:"replaced,omitempty"`

	// TroubleSince is since when the platform (the registry, the API server) keeps it from going on, Troubles how often
	// that was tried since, RetryAt when it is tried again.
	// +optional
	TroubleSince *metav1.Time `json:"troubleSince,omitempty"`
	// +optional
	Troubles int `json:"troubles,omitempty"`
	// +optional
	RetryAt *metav1.Time `json:"retryAt,omitempty"`

	// Attempts counts the pods that were started for it, on from those of a build of the same inputs whose image has gone. Only
	// failures of the platform are tried again.
	// +optional
	Attempts int `json:"attempts,omitempty"`

	// Phase is the phase that runs or failed.
	// +optional
	Phase string `json:"phase,omitempty"`

	// Phases are how long each phase of the last attempt took, in order, as far as it is known.
	// +optional
	// +kubebuilder:validation:MaxItems=8
	Phases []PhaseTime `json:"phases,omitempty"`

	// Bound is the limit that it ran into: time, memory, disk, image size or log size; empty for none.
	// +optional
	Bound string `json:"bound,omitempty"`

	// Message says what it waits for, why it failed, or what it did without although it succeeded.
	// +optional
	Message string `json:"message,omitempty"`

	// Image is the built image by digest.
	// +optional
	Image string `json:"image,omitempty"`

	// Processes are the process types that the image offers.
	// +optional
	Processes []string `json:"processes,omitempty"`

	// Buildpacks are the ids of the buildpacks that made the image, in order: those of the languages that were named or detected,
	// and those that take part in every build.
	// +optional
	Buildpacks []string `json:"buildpacks,omitempty"`

	// Log is the end of the log, at most 4 KiB.
	// +optional
	Log string `json:"log,omitempty"`

	// StartedAt is when the build's pod was made.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`

	// FinishedAt is when it succeeded or failed.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}

// PhaseTime is how long a phase of a build took.
type PhaseTime struct {
	// Name is the phase's.
	Name string `json:"name"`
	// Milliseconds is how long it took.
	Milliseconds int64 `json:"milliseconds"`
}

// BuildCause is what changed since the build before. All of it is empty for the first build.
type BuildCause struct {
	// Commit is the one that was built before.
	// +optional
	Commit string `json:"commit,omitempty"`

	// Source tells that the source changed, Paths which of what is at its top: at most 10 names, those of directories with
	// a slash at the end. MorePaths counts those that are left out.
	// +optional
	Source bool `json:"source,omitempty"`
	// +optional
	// +kubebuilder:validation:MaxItems=10
	Paths []string `json:"paths,omitempty"`
	// +optional
	MorePaths int `json:"morePaths,omitempty"`

	// Builder is the builder image before, by digest, when it changed.
	// +optional
	Builder string `json:"builder,omitempty"`

	// Environment are the names of the variables that changed, sorted.
	// +optional
	Environment []string `json:"environment,omitempty"`

	// Configuration tells that it changed, ConfigurationBefore what it was.
	// +optional
	Configuration bool `json:"configuration,omitempty"`
	// +optional
	ConfigurationBefore string `json:"configurationBefore,omitempty"`
}

// BuildOutcome is what became of a build.
// +kubebuilder:validation:Enum=Running;Succeeded;Failed;Lost;Cancelled;Superseded
type BuildOutcome string

// The outcomes of a build.
const (
	// BuildOutcomeRunning: a newer commit came, and it still runs.
	BuildOutcomeRunning BuildOutcome = "Running"
	// BuildOutcomeSucceeded: its image is in the registry.
	BuildOutcomeSucceeded BuildOutcome = "Succeeded"
	// BuildOutcomeFailed: the repository must change.
	BuildOutcomeFailed BuildOutcome = "Failed"
	// BuildOutcomeLost: the platform failed, and a newer commit came before it was tried again.
	BuildOutcomeLost BuildOutcome = "Lost"
	// BuildOutcomeCancelled: it was ended for a newer commit.
	BuildOutcomeCancelled BuildOutcome = "Cancelled"
	// BuildOutcomeSuperseded: a newer commit came while it waited for another attempt.
	BuildOutcomeSuperseded BuildOutcome = "Superseded"
)

// PastBuild is one entry of the history of a tool's builds.
type PastBuild struct {
	// Name is the build's name.
	Name string `json:"name"`
	// Key names the build by its inputs.
	Key string `json:"key"`
	// Commit asked for the build.
	Commit string `json:"commit"`
	// Builder is the builder image by digest.
	// +optional
	Builder string `json:"builder,omitempty"`
	// Reason says why it was built.
	// +optional
	Reason string `json:"reason,omitempty"`
	// Automatic tells that no maintainer asked for it.
	// +optional
	Automatic bool `json:"automatic,omitempty"`
	// Outcome is what became of it.
	Outcome BuildOutcome `json:"outcome"`
	// Attempts counts the pods that were started for it.
	// +optional
	Attempts int `json:"attempts,omitempty"`
	// Phase is the one that failed; empty for none.
	// +optional
	Phase string `json:"phase,omitempty"`
	// Phases are how long each phase of the last attempt took, in order.
	// +optional
	// +kubebuilder:validation:MaxItems=8
	Phases []PhaseTime `json:"phases,omitempty"`
	// Bound is the limit that it ran into; empty for none.
	// +optional
	Bound string `json:"bound,omitempty"`
	// Message says why it failed, in at most 300 bytes.
	// +optional
	Message string `json:"message,omitempty"`
	// Image is the built image by digest.
	// +optional
	Image string `json:"image,omitempty"`
	// QueuedAt is since when it waited for its turn.
	// +optional
	QueuedAt *metav1.Time `json:"queuedAt,omitempty"`
	// StartedAt is when its last attempt began.
	// +optional
	StartedAt *metav1.Time `json:"startedAt,omitempty"`
	// FinishedAt is when its outcome was known; missing while it runs.
	// +optional
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
}
