// Package buildpacks holds this project's own small Cloud Native Buildpacks and what turns them into the builder image.
//
// Each directory with a buildpack.toml is a buildpack: bin/detect and bin/build are short bash scripts, run by the
// lifecycle in a build pod (https://github.com/buildpacks/spec, buildpack API 0.11). They know one language each and
// nothing of this platform. What they share is in the directory shared. The directory base makes the Debian images below
// them. The entry point is builder.sh.
//
// The Go code here is tests alone: they run the scripts as the lifecycle would, over sources in testdata.
package buildpacks
