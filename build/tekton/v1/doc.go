// Package v1 has the few fields of Tekton's TaskRun (tekton.dev/v1) that a build needs. The types are its own because the package
// of Tekton's module would bring 28 modules more into the daemon, those of Knative, gRPC, OpenTelemetry and CEL among them.
//
// The entry point is TaskRun.
package v1
