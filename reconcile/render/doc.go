// Package render turns a manifest and its images into the Kubernetes objects that keep it in effect. It is pure: the same
// input gives the same objects, byte for byte, and nothing is read or written.
//
// The entry points are Objects, for what the manifest declares, PreDeployJobs, for what runs before that, and Namespace and
// Surroundings, for where all of it runs.
package render
