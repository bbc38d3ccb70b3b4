package registry

// NewClientWith is NewClient, for tests that are no server's.
var NewClientWith = newClient
