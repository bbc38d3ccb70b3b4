// Package schema holds what is generated from the Go types: the CustomResourceDefinitions of Tool, Builder and CatalogImage. The chart in
// deploy installs them. A test fails when they are stale; `make generate` renews them.
package schema

import "embed"

// CRDs holds the CustomResourceDefinitions, as YAML files in the directory crds.
//
//go:embed crds/*.yaml
var CRDs embed.FS
