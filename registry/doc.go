// Package registry holds everything that toolforged says to an OCI registry: which digest a reference has, what a builder
// image offers, which processes a built image has and what is in it. It knows images; it does not know git, Kubernetes or tools.
//
// The entry point is Client.
package registry
