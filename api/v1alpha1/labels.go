package v1alpha1

// The labels of everything that toolforged makes for a tool. Its caches and its ownership checks go by them.
const (
	// ManagedByLabel has the value ManagedBy on every such object.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "toolforged"
	// ToolLabel is the tool's name.
	ToolLabel = "toolforge.org/tool"
	// ComponentLabel says what the object is part of: webservice, continuous-job, scheduled-job, pre-deploy-job, or
	// BuildComponent.
	ComponentLabel = "app.kubernetes.io/component"
	BuildComponent = "build"
	// ScheduledJobComponent, ContinuousJobComponent and PreDeployComponent are the values of ComponentLabel for jobs.
	ScheduledJobComponent  = "scheduled-job"
	ContinuousJobComponent = "continuous-job"
	PreDeployComponent     = "pre-deploy-job"
	// CommitAnnotation is the commit that a pre-deploy job was run for.
	CommitAnnotation = "toolforge.org/commit"
	// NameLabel is the name of the process: the webservice or a job.
	NameLabel = "app.kubernetes.io/name"
	// EmailsLabel says of which ends of a job the maintainers are told by mail: onfinish, onfailure or all. An object without
	// it sends none. It is on CronJobs, their Jobs and Deployments, never on pods.
	EmailsLabel = "toolforge.org/emails"
	// ReportedAnnotation tells what the maintainers were told: on a Job whether its start or its end was, on a CronJob up to
	// when (RFC 3339) missed runs were.
	ReportedAnnotation = "toolforge.org/reported"
	// SecretLabel is on every Secret in a tool's namespace that toolforged looks at.
	SecretLabel = "toolforge.org/secret"
	// SecretRendered: it holds values of toolforge.yaml. toolforged makes and deletes it.
	SecretRendered = "rendered"
	// SecretProvided: the platform keeps it for the tool, and toolforge.yaml may take values of it by `from`. An
	// administrator puts the label on it.
	SecretProvided = "provided"
	// SecretOwn: the tool brings it itself, as one of its Kubernetes objects.
	SecretOwn = "own"
	// IdentityComponent is the component of the Secret with a tool's private key.
	IdentityComponent = "age-identity"
	// Finalizer keeps a deleted Tool until what was made for it is gone.
	Finalizer = "toolforge.org/tool"
)
