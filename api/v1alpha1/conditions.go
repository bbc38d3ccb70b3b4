package v1alpha1

// The conditions of a Tool, one for each step on the way from the repository to a running tool, in that order. Ready sums
// them up; Reconciling and Stalled are as kstatus knows them.
const (
	// SourceReady: the repository answers, the ref exists, and its commit is signed where it must be.
	SourceReady = "SourceReady"
	// ManifestValid: the toolforge.yaml of the revision seen has no mistakes.
	ManifestValid = "ManifestValid"
	// ImagesReady: every image that the manifest asks for is built.
	ImagesReady = "ImagesReady"
	// Released: the pre-deploy jobs of the newest deployment have succeeded, or it has none.
	Released = "Released"
	// Applied: the tool's namespace holds what the manifest declares, and nothing else of the tool's.
	Applied = "Applied"
	// Healthy: the webservice and the continuous jobs are up.
	Healthy = "Healthy"
	// BuilderDeprecated: a builder that the tool is built by will go. It is there only when it is true.
	BuilderDeprecated = "BuilderDeprecated"
)

// The reasons of conditions. docs/reasons.md says what each means and who acts.
const (
	ReasonSucceeded          = "Succeeded"
	ReasonWaiting            = "Waiting"
	ReasonSuspended          = "Suspended"
	ReasonPolling            = "Polling"
	ReasonRepositoryFailed   = "RepositoryFailed"
	ReasonSecretMissing      = "SecretMissing"
	ReasonUnsigned           = "Unsigned"
	ReasonSignatureRefused   = "SignatureRefused"
	ReasonKeysInvalid        = "KeysInvalid"
	ReasonSecretInvalid      = "SecretInvalid"
	ReasonKeyMissing         = "KeyMissing"
	ReasonManifestMissing    = "ManifestMissing"
	ReasonManifestInvalid    = "ManifestInvalid"
	ReasonNotAllowed         = "NotAllowed"
	ReasonBuilderUnavailable = "BuilderUnavailable"
	ReasonBuilderDeprecated  = "BuilderDeprecated"
	ReasonLastGood           = "LastGood"
	ReasonImageUnavailable   = "ImageUnavailable"
	ReasonRegistryFailed     = "RegistryFailed"
	ReasonBuilding           = "Building"
	ReasonBuildQueued        = "BuildQueued"
	ReasonBuildFailed        = "BuildFailed"
	ReasonQuotaClassUnknown  = "QuotaClassUnknown"
	ReasonNamespaceTaken     = "NamespaceTaken"
	ReasonObjectTaken        = "ObjectTaken"
	ReasonPreDeployRunning   = "PreDeployRunning"
	ReasonPreDeployFailed    = "PreDeployFailed"
	ReasonApplyFailed        = "ApplyFailed"
	ReasonPruneFailed        = "PruneFailed"
	ReasonRollingOut         = "RollingOut"
	ReasonUnhealthy          = "Unhealthy"
	ReasonRolledBack         = "RolledBack"
	ReasonContested          = "Contested"
	ReasonDeleting           = "Deleting"
)

// The reasons of events that are no condition's.
const (
	EventHealed           = "Healed"
	EventDeletionTimedOut = "DeletionTimedOut"
	EventToolsChanged     = "ToolsChanged"
)
