// Package v1alpha1 holds toolforged's two custom resources: Tool, one for each tool that is kept running, and Builder,
// one for each entry of the catalogue of buildpack builders. Both are cluster-scoped: tools and their catalogue are the
// administrators' business; what maintainers write is toolforge.yaml.
//
// The package knows the resources and nothing else.
//
// +kubebuilder:object:generate=true
// +groupName=toolforge.org
package v1alpha1
