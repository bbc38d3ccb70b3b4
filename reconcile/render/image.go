package render

import "github.com/toolforge/toolforged/manifest"

// Image is what a process runs in.
type Image struct {
	// Reference is the image by digest.
	Reference string
	// Processes are the process types that a built image offers.
	Processes []string
	// Command is the shell command line that an image of the catalogue runs when a webservice says none.
	Command string
}

// catalogPrefix begins the names of images that are not built.
const catalogPrefix = "catalog/"

// ImageName is what the image of a process is called among the tool's images: the name of its build, or catalog/ and the
// name of the image of the platform's catalogue. No build's name has a slash.
func ImageName(run *manifest.Run) string {
	if run.Image != "" {
		return catalogPrefix + run.Image
	}
	return run.Build
}
