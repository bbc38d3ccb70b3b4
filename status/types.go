package status

import "time"

// The types of the JSON answers. Keys are snake_case, as in toolforge.yaml. Every key is always there: what is not known
// is "" or null, and a list with nothing in it is []. Times are RFC 3339 in UTC. Keys may be added, never changed or
// taken away.

// ToolList is the answer to /api/v1/tools.
type ToolList struct {
	// Tools are sorted by name.
	Tools []ToolSummary `json:"tools"`
	// Total counts the tools that match the filter, on all pages together.
	Total int `json:"total"`
	// Continue asks for the next page as ?continue=; "" on the last page.
	Continue string `json:"continue"`
}

// ToolSummary is one tool in a list.
type ToolSummary struct {
	// Name is the tool's name.
	Name string `json:"name"`
	// Verdict is Ready's.
	Verdict
	// Suspended: the tool is not polled, built or converged; what runs goes on.
	Suspended bool `json:"suspended"`
	// Deleting: the tool is being removed.
	Deleting bool `json:"deleting"`
	// URL is the address of the webservice, "" when the tool has none.
	URL string `json:"url"`
	// SeenCommit is the newest commit found in the repository, "" before the first.
	SeenCommit string `json:"seen_commit"`
	// SeenAt is when that commit was first seen.
	SeenAt *time.Time `json:"seen_at"`
	// ServingCommit is the commit of the newest deployment that became healthy, "" before the first.
	ServingCommit string `json:"serving_commit"`
	// ServingSince is when that deployment became healthy.
	ServingSince *time.Time `json:"serving_since"`
}

// Verdict is how things stand in one word, and why.
type Verdict struct {
	// Ready is "True", "False" or "Unknown".
	Ready string `json:"ready"`
	// Reason is one of the words in docs/reasons.md, "" before the first verdict.
	Reason string `json:"reason"`
	// Message says it in a sentence.
	Message string `json:"message"`
	// Since is when Ready last changed.
	Since *time.Time `json:"since"`
	// Stale: the resource was changed since, and all that is said here speaks of it as it was before.
	Stale bool `json:"stale"`
}

// Tool is the answer to /api/v1/tools/<name>: the summary and everything else.
type Tool struct {
	ToolSummary
	// Repository is the URL of the git repository.
	Repository string `json:"repository"`
	// Ref is the branch, tag or commit that is followed.
	Ref string `json:"ref"`
	// Namespace holds everything that runs for the tool.
	Namespace string `json:"namespace"`
	// QuotaClass is the name of the class that says how much the tool may use.
	QuotaClass string `json:"quota_class"`
	// PublicKey is the age public key for which values in toolforge.yaml are encrypted, "" before it is made.
	PublicKey string `json:"public_key"`
	// Images are the images that serve.
	Images []Image `json:"images"`
	// Conditions: Ready, then the steps from repository to running tool in their order, then others by name.
	Conditions []Condition `json:"conditions"`
	// DeployingCommit is the commit of the deployment under way, "" when there is none.
	DeployingCommit string `json:"deploying_commit"`
	// History holds the last 25 deployments, newest first.
	History []Deployment `json:"history"`
	// Healed holds the last 10 objects that somebody else had changed and that were put back, newest first.
	Healed []Healed `json:"healed"`
	// Problems are the mistakes in the toolforge.yaml of the commit seen.
	Problems []Problem `json:"problems"`
	// Conversion is how a toolforge.yaml in an older format was read; null for one in version v1.
	Conversion *Conversion `json:"conversion"`
	// Builds holds the last build of each image.
	Builds []Build `json:"builds"`
	// Jobs are those that are in effect, sorted by name.
	Jobs []Job `json:"jobs"`
	// Inventory lists the objects applied for the tool.
	Inventory []Object `json:"inventory"`
}

// Conversion is how a toolforge.yaml in an older format was read.
type Conversion struct {
	// Format names the format.
	Format string `json:"format"`
	// Notes say what was not carried over.
	Notes []Problem `json:"notes"`
	// V1 is the same file in version v1, "" when that would be too large.
	V1 string `json:"v1"`
}

// Image is one image in use.
type Image struct {
	// Name is the build's name; "main" for the tool's own repository.
	Name string `json:"name"`
	// Reference is the image by digest.
	Reference string `json:"reference"`
}

// Deployment is one revision that was put into effect.
type Deployment struct {
	// Commit is the commit that was deployed.
	Commit string `json:"commit"`
	// Images are the images that it used.
	Images []Image `json:"images"`
	// Cause says why it was made.
	Cause string `json:"cause"`
	// Outcome is "Progressing", "Succeeded", "Failed" or "Superseded".
	Outcome string `json:"outcome"`
	// Message says why it failed.
	Message string `json:"message"`
	// PreDeploy says what became of its pre-deploy jobs, in their order; of deployments of long ago it is empty.
	PreDeploy []PreDeployRun `json:"pre_deploy"`
	// StartedAt is when it began: with its pre-deploy jobs, or by being applied.
	StartedAt *time.Time `json:"started_at"`
	// FinishedAt is when its outcome was known.
	FinishedAt *time.Time `json:"finished_at"`
}

// PreDeployRun is the only run of a pre-deploy job for a deployment.
type PreDeployRun struct {
	// Name is the job's name.
	Name string `json:"name"`
	// State is "Waiting", "Running", "Succeeded" or "Failed".
	State string `json:"state"`
	// ExitCode is the process's, null while it runs and when it is not known.
	ExitCode *int32 `json:"exit_code"`
	// Message says why it failed.
	Message string `json:"message"`
	// Job is the name of the Kubernetes Job.
	Job string `json:"job"`
	// StartedAt is when it was started.
	StartedAt *time.Time `json:"started_at"`
	// FinishedAt is when it succeeded or failed.
	FinishedAt *time.Time `json:"finished_at"`
}

// Healed is an object that was put back as it should be.
type Healed struct {
	// Kind is the object's kind.
	Kind string `json:"kind"`
	// Name is the object's name.
	Name string `json:"name"`
	// What was found: that it was deleted, or which fields were changed and by whom.
	What string `json:"what"`
	// Times counts how often it was put back in a row.
	Times int `json:"times"`
	// At is when it was put back last.
	At *time.Time `json:"at"`
}

// Condition is one step and how it stands.
type Condition struct {
	// Type is the condition's name.
	Type string `json:"type"`
	// Status is "True", "False" or "Unknown".
	Status string `json:"status"`
	// Reason is one of the words in docs/reasons.md.
	Reason string `json:"reason"`
	// Message says it in a sentence.
	Message string `json:"message"`
	// Since is when Status last changed.
	Since *time.Time `json:"since"`
}

// Problem is one mistake in a toolforge.yaml.
type Problem struct {
	// Line counts from 1; 0 when the problem has no place in the file.
	Line int `json:"line"`
	// Column counts from 1, in characters; 0 when the problem has no place in the file.
	Column int `json:"column"`
	// Message says what is wrong and what to write instead.
	Message string `json:"message"`
	// Section is the part of the reference that says more, "" where there is none.
	Section string `json:"section"`
	// Link leads there.
	Link string `json:"link"`
}

// Validation is the answer to POST /api/v1/validate.
type Validation struct {
	// Valid: there are no problems.
	Valid bool `json:"valid"`
	// Problems are the mistakes in the file, sorted by line and column.
	Problems []Problem `json:"problems"`
	// Conversion is how a valid file in an older format is read; null for one in version v1.
	Conversion *Conversion `json:"conversion"`
}

// Build is the last build of one image.
type Build struct {
	// Name is the build's name; "main" for the tool's own repository.
	Name string `json:"name"`
	// State is "Running", "Succeeded" or "Failed".
	State string `json:"state"`
	// Phase runs or failed: prepare, detect, restore, build or export.
	Phase string `json:"phase"`
	// Reason says why it was built.
	Reason string `json:"reason"`
	// Message says why it failed.
	Message string `json:"message"`
	// Commit asked for the build.
	Commit string `json:"commit"`
	// Key names the build by its inputs: the same key is the same image.
	Key string `json:"key"`
	// Attempts counts the pods that were started for it.
	Attempts int `json:"attempts"`
	// Image is what was built, by digest.
	Image string `json:"image"`
	// Processes are the process types that the image offers.
	Processes []string `json:"processes"`
	// Buildpacks are the ids of the buildpacks that made it, in order.
	Buildpacks []string `json:"buildpacks"`
	// StartedAt is when the build began.
	StartedAt *time.Time `json:"started_at"`
	// FinishedAt is when it succeeded or failed.
	FinishedAt *time.Time `json:"finished_at"`
	// Log is the end of the log.
	Log string `json:"log"`
}

// Job is a scheduled or continuous job.
type Job struct {
	// Name is the job's name.
	Name string `json:"name"`
	// Kind is "scheduled" or "continuous".
	Kind string `json:"kind"`
	// Schedule is when a scheduled job runs: five cron fields, UTC; "" for a continuous one.
	Schedule string `json:"schedule"`
	// NextRun is when a scheduled job is due next.
	NextRun *time.Time `json:"next_run"`
	// LastSuccess is when a run of a scheduled job last succeeded.
	LastSuccess *time.Time `json:"last_success"`
	// Runs are those of a scheduled job that are known, newest first, at most 10: those under way, the last that succeeded and
	// the last that failed.
	Runs []Run `json:"runs"`
	// Missed are the last 5 times that runs were due and did not take place, newest first.
	Missed []Missed `json:"missed"`
	// Replicas is how many copies of a continuous job should run, ReadyReplicas how many do.
	Replicas      int `json:"replicas"`
	ReadyReplicas int `json:"ready_replicas"`
	// Message says why not all copies of a continuous job run.
	Message string `json:"message"`
}

// Run is one run of a scheduled job.
type Run struct {
	// Name names the run.
	Name string `json:"name"`
	// Due is when it was due by the schedule, null for one that somebody started by hand.
	Due *time.Time `json:"due"`
	// StartedAt is when it started, FinishedAt when it was over.
	StartedAt  *time.Time `json:"started_at"`
	FinishedAt *time.Time `json:"finished_at"`
	// Outcome is "Running", "Succeeded", "Failed", "TimedOut", "OutOfMemory" or "NotStarted".
	Outcome string `json:"outcome"`
	// ExitCode is that of its process, null when that is not known.
	ExitCode *int32 `json:"exit_code"`
	// Attempts counts how often its process was started.
	Attempts int `json:"attempts"`
	// Says is the outcome in words.
	Says string `json:"says"`
	// Message says more of what happened, or what it waits for.
	Message string `json:"message"`
	// Log is the path of its output, "" where that is not shown.
	Log string `json:"log"`
}

// Missed are runs of a job that did not take place: one, or several for the same reason soon after each other.
type Missed struct {
	// First is when the first of them was due, Last when the last was.
	First *time.Time `json:"first"`
	Last  *time.Time `json:"last"`
	// Runs counts them.
	Runs int `json:"runs"`
	// Reason is "Skipped" or "Missed".
	Reason string `json:"reason"`
	// Message says why the first did not take place.
	Message string `json:"message"`
}

// Object is one Kubernetes object applied for a tool.
type Object struct {
	// APIVersion is the object's group and version.
	APIVersion string `json:"api_version"`
	// Kind is the object's kind.
	Kind string `json:"kind"`
	// Namespace is "" for an object that has none.
	Namespace string `json:"namespace"`
	// Name is the object's name.
	Name string `json:"name"`
}

// BuilderList is the answer to /api/v1/builders.
type BuilderList struct {
	// Builders are sorted by name.
	Builders []Builder `json:"builders"`
}

// Builder is one entry of the catalogue of builders.
type Builder struct {
	// Name is what `builder:` in a toolforge.yaml names.
	Name string `json:"name"`
	// Verdict is Ready's.
	Verdict
	// Default: it is marked as the builder of every tool that names none.
	Default bool `json:"default"`
	// Image is the builder image that is followed.
	Image string `json:"image"`
	// RunImage is the run image that is followed.
	RunImage string `json:"run_image"`
	// ImageDigest is the builder image by digest, "" before it is resolved.
	ImageDigest string `json:"image_digest"`
	// RunImageDigest is the run image by digest, "" before it is resolved.
	RunImageDigest string `json:"run_image_digest"`
	// Languages are the names that `stack:` may use.
	Languages []Language `json:"languages"`
	// Buildpacks are those that the builder image holds.
	Buildpacks []Buildpack `json:"buildpacks"`
	// PlatformAPI is the Cloud Native Buildpacks platform API in use.
	PlatformAPI string `json:"platform_api"`
	// Lifecycle is the version of the image's lifecycle.
	Lifecycle string `json:"lifecycle"`
	// Added are the images whose buildpacks were added to those of Image.
	Added []string `json:"added"`
	// Every are the ids of buildpacks that take part in every build where they detect something, in order.
	Every []string `json:"every"`
	// Deprecated says that the builder will go.
	Deprecated *Deprecation `json:"deprecated"`
	// Conditions: Ready, then others by name.
	Conditions []Condition `json:"conditions"`
}

// Deprecation says that a builder will go.
type Deprecation struct {
	// Since and Until are days as in 2026-11-26, or empty.
	Since string `json:"since"`
	Until string `json:"until"`
	// UseInstead is the name of the builder to use.
	UseInstead string `json:"use_instead"`
	// Message is a sentence for maintainers.
	Message string `json:"message"`
}

// Language is a name for `stack:` and the ids of the buildpacks that it stands for.
type Language struct {
	Name       string   `json:"name"`
	Buildpacks []string `json:"buildpacks"`
	// QuotaClasses are the classes whose tools may use it; empty for all.
	QuotaClasses []string `json:"quota_classes"`
}

// Buildpack is one buildpack of a builder image.
type Buildpack struct {
	ID      string `json:"id"`
	Version string `json:"version"`
}

// Error is the answer when there is no other.
type Error struct {
	// Error says what is wrong with the request, or that it may be tried again.
	Error string `json:"error"`
}
