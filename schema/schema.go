// Package schema holds what is generated from the Go types: the CustomResourceDefinitions of Tool, Builder and CatalogImage, which the
// chart in deploy installs, and the JSON Schema of toolforge.yaml, which editors use. A test fails when they are stale;
// `make generate` renews them.
package schema

import "embed"

// CRDs holds the CustomResourceDefinitions, as YAML files in the directory crds.
//
//go:embed crds/*.yaml
var CRDs embed.FS

// Toolforge is the JSON Schema of toolforge.yaml, version v1, in draft 2020-12.
//
//go:embed toolforge-v1.json
var Toolforge []byte
