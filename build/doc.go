// Package build turns a commit into an image: it names a build by its inputs (Key), has it run by an Engine, of which there
// is one that makes a pod of Cloud Native Buildpacks phases (Pod), and says where it stands (Builds.Step). It knows builders,
// pods and the registry, and writes its records in the words of api/v1alpha1; it does not know what is deployed.
//
// A build's pod has two trust zones. The containers that run a repository's code (detect, build) get no credential; the
// containers that get one (source, analyze, restore, export) run only toolforged's and the lifecycle's code.
//
// The entry point is Builds.
package build
