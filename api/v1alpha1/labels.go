package v1alpha1

// The labels of everything that toolforged makes for a tool. Its caches and its ownership checks go by them.
const (
	// ManagedByLabel has the value ManagedBy on every such object.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "toolforged"
	// ToolLabel is the tool's name.
	ToolLabel = "toolforge.org/tool"
	// ComponentLabel says what the object is part of: webservice, continuous-job, scheduled-job, PreDeployComponent, or
	// BuildComponent.
	ComponentLabel     = "app.kubernetes.io/component"
	BuildComponent     = "build"
	PreDeployComponent = "pre-deploy-job"
	// CommitAnnotation is the commit that a pre-deploy job was run for.
	CommitAnnotation = "toolforge.org/commit"
	// Finalizer keeps a deleted Tool until what was made for it is gone.
	Finalizer = "toolforge.org/tool"
)
