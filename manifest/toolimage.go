package manifest

import (
	"fmt"
	"regexp"
	"strings"
)

// toolImage is an image that a tool has built, as Toolforge names it: `tool-NAME/IMAGE`, perhaps with the registry before
// it and a tag or digest after it.
type toolImage struct{ project, name string }

var toolImagePattern = regexp.MustCompile(`^(?:[a-z0-9.-]+[.:][a-z0-9.:-]*/)?(tool-[a-z0-9._-]+)/([a-z0-9._-]+)(?::[A-Za-z0-9._-]+)?(?:@sha256:[0-9a-f]{64})?$`)

func parseToolImage(s string) (toolImage, bool) {
	parts := toolImagePattern.FindStringSubmatch(s)
	if parts == nil {
		return toolImage{}, false
	}
	return toolImage{project: parts[1], name: parts[2]}, true
}

// ownImage is what Toolforge calls the image that a tool builds from its source.
const ownImage = "buildservice"

// oldImage is an image as the older formats name it.
var oldImage = text{
	what: "an image of the platform such as `bookworm`, or `buildservice` for the one that is built from this repository",
	max:  512,
	check: func(s string) string {
		if _, ok := parseToolImage(s); ok || catalogName.MatchString(s) && len(s) <= imageName.max {
			return ""
		}
		if strings.ContainsAny(s, "/:@") {
			return fmt.Sprintf("must be the short name of an image of the platform, such as `python3.11`, or an image that this tool builds "+
				"(`tool-NAME/IMAGE:latest`); found %q", shorten(s))
		}
		return imageName.wrong(s)
	},
}

// images decides which of the images named in a file are the tool's own: those of one tool, and of those only the one that
// is built from the tool's repository.
type images struct {
	r      *reader
	origin Origin
	own    toolImage
}

// chooseOwn looks at all images of the file.
func (w *images) chooseOwn(written []string) {
	named := map[toolImage]bool{}
	for _, s := range written {
		image, ok := parseToolImage(s)
		if !ok || named[image] {
			continue
		}
		named[image] = true
		if w.own.project == "" || w.better(image) {
			w.own = image
		}
	}
}

// better tells whether an image is more likely the tool's own than that found before.
func (w *images) better(image toolImage) bool {
	if image.project != w.own.project {
		return w.origin.isOwnProject(image.project) && !w.origin.isOwnProject(w.own.project)
	}
	return image.name == image.project
}

// build returns the name of the build for an image, or the image of the platform's catalogue. Both are empty after a
// problem was noted.
func (w *images) build(v value, written string) (build, image string) {
	made, ok := parseToolImage(written)
	switch {
	case written == ownImage:
		return MainBuild, ""
	case !ok:
		return "", written
	case made.project != w.own.project:
		w.r.problems.add(v.at, "the image %s is not that of this tool, which seems to be `%s`: in v1 write what it is built from under "+
			"`builds`, with its `repository` and `ref`", inCode(written), shorten(w.own.project))
		return "", ""
	case made != w.own:
		w.r.problems.add(v.at, "the image %s is another than `%s/%s`, which is built from this repository: in v1 write what it is built "+
			"from under `builds`, with its `repository` and `ref`", inCode(written), shorten(w.own.project), shorten(w.own.name))
		return "", ""
	}
	w.r.notes.addOnce(v.at, fmt.Sprintf("the image %s is taken for the one that is built from this repository, from the commit "+
		"that this file is in", inCode(written)))
	return MainBuild, ""
}

func inCode(s string) string { return "`" + shorten(s) + "`" }
