// Package reconcile keeps every tool as its repository says. Its controller takes a Tool through an ordered list of small
// steps (step.go); each does what is possible now and says what it waits for; one summary writes the status. No step waits.
//
// It knows manifests, revisions, builds and Kubernetes; it does not speak HTTP, the git protocol or to a registry itself.
//
// The entry points are Tools and Builders, the two controllers. simulation_test.go lives through thousands of random histories
// of the whole loop in virtual time, with faults at every call.
package reconcile
