// Package tekton knows what Tekton adds to the pod of a TaskRun: how containers are called, where its files are, how a step's result
// gets out. It knows nothing of builds, nor of Kubernetes' types, which the program in a build's containers does without.
//
// The entry points are ResultsDir and Result.
package tekton
