package registry

// NewClientWith is NewClient, for tests that are no server's.
var NewClientWith = newClient

// ReadSBOM is how the layer with an SBOM is read.
var ReadSBOM = readSBOM
