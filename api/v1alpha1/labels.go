package v1alpha1

// The labels of everything that toolforged makes for a tool. Its caches and its ownership checks go by them.
const (
	// ManagedByLabel has the value ManagedBy on every such object.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedBy      = "toolforged"
	// ToolLabel is the tool's name.
	ToolLabel = "toolforge.org/tool"
	// ComponentLabel says what the object is part of: webservice, continuous-job, scheduled-job, or BuildComponent.
	ComponentLabel = "app.kubernetes.io/component"
	BuildComponent = "build"
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
