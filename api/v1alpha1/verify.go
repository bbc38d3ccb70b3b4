package v1alpha1

// Verify says whose signatures commits must have. An SSH key counts by itself, an OpenPGP key with its subkeys.
//
// +kubebuilder:validation:XValidation:rule="has(self.keys) && size(self.keys) > 0 || has(self.secretRef)",message="must have keys or secretRef"
type Verify struct {
	// Keys are public keys: each one a line of authorized_keys or of ssh-keygen's allowed_signers, or an OpenPGP key in armor.
	// +kubebuilder:validation:MaxItems=100
	// +kubebuilder:validation:items:MaxLength=65536
	// +listType=atomic
	// +optional
	Keys []string `json:"keys,omitempty"`

	// SecretRef names a Secret in the namespace of the builds. Each entry is a file of public keys; those of an entry whose
	// name begins with "revoked" are refused.
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`
}
