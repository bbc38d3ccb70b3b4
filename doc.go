// Package toolforged is the root of a platform on which a tool runs when its toolforge.yaml is pushed. There is no code
// here, only a tour. A push is a value that goes one way through five rooms:
//
//	sources    finds the newest commit of a repository, and reads its trees and its toolforge.yaml; sources/signed says who
//	           signed it, sources/webhook hears from forges that there is a newer one
//	manifest   says what a toolforge.yaml declares, or what is wrong with it, with line and column
//	build      names an image by everything it is made from, and has it made in a pod, if it is not there yet;
//	           detection says which buildpacks look at a source, project what its project.toml leaves out, retention removes
//	           from the registry what nothing needs any more
//	reconcile  renders the Kubernetes objects, applies what changed, deletes what is no longer declared
//	status     shows what became of it
//
// Beside them: report tells the maintainers by mail what became of their jobs; registry is everything said to an OCI
// registry; api/v1alpha1 the resources Tool, Directory, Builder and CatalogImage, api/runs what Jobs and pods say of a job's runs, api/queue in
// which order builds take their turns; schema what is generated from Go types, with the JSON Schema of toolforge.yaml; docs what people read, for the status endpoint to
// serve. cmd/toolforged wires the rooms together; cmd/toolforge-build is what runs in a
// build's pod. deploy holds the Helm chart, buildpacks the project's own builder, localcluster a real Kubernetes on one
// machine, testscripts the end-to-end tests, examples a tool for each language, bench what `make bench` measures.
//
// Who may import whom is kept by imports_test.go.
package toolforged
