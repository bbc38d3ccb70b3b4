// Package docs holds the documentation that people read, for the status endpoint to serve.
package docs

import "embed"

// Pages holds the pages, in Markdown.
//
//go:embed *.md
var Pages embed.FS
