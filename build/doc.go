// Package build turns a commit into an image: it names a build by its inputs (Key), has it run by an Engine, of which there
// is one that makes a pod of Cloud Native Buildpacks phases (Pod), and says where it stands (Builds.Step). It knows builders,
// pods and the registry, and writes its records in the words of api/v1alpha1; it does not know what is deployed.
//
// A build's pod has two trust zones. The container that runs a repository's code (build) gets no credential; those that get
// one (prepare, export) run only toolforged's and the lifecycle's code. What runs in them is cmd/toolforge-build.
//
// Builds of all tools take their turns in the order of api/queue, which follows from their records. No worker waits: what a
// registry is asked, is asked beside (Errands), and the tool is woken when it has answered. All that a daemon remembers of
// builds, another one can do without.
//
// The entry point is Builds.
package build
