package reconcile

import (
	"fmt"
	"maps"
	"slices"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// recordOf is how images are written down: sorted by name.
func recordOf(images map[string]render.Image) []api.Image {
	var record []api.Image
	for _, name := range slices.Sorted(maps.Keys(images)) {
		image := images[name]
		record = append(record, api.Image{Name: name, Reference: image.Reference, Processes: image.Processes, Command: image.Command})
	}
	return record
}

func imagesOf(record []api.Image) map[string]render.Image {
	images := make(map[string]render.Image, len(record))
	for _, image := range record {
		images[image.Name] = render.Image{Reference: image.Reference, Processes: image.Processes, Command: image.Command}
	}
	return images
}

// references is a record without what nobody asks of the past.
func references(record []api.Image) []api.Image {
	for i := range record {
		record[i].Processes, record[i].Command = nil, ""
	}
	return record
}

// sameImages tells whether a record is of these images.
func sameImages(record []api.Image, now map[string]render.Image) bool {
	return slices.EqualFunc(record, recordOf(now), func(a, b api.Image) bool { return a.Name == b.Name && a.Reference == b.Reference })
}

// changedImage tells of the first image that is another one than before; empty when none is.
func changedImage(before []api.Image, now map[string]render.Image) string {
	for _, was := range before {
		if image, still := now[was.Name]; still && image.Reference != was.Reference {
			return fmt.Sprintf("image %s of %s, was %s", image.Reference, was.Name, was.Reference)
		}
	}
	return ""
}
