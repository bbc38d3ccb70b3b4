package reconcile

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// modelImages is a registry: what was pushed, by tag, and what becomes of each image when it runs, by digest.
type modelImages struct {
	tags  map[string]registry.Built
	fates map[string]fate
}

func newModelImages() *modelImages {
	return &modelImages{tags: make(map[string]registry.Built), fates: make(map[string]fate)}
}

// imageBehind is the image that a build of a tag pushes: the same inputs make the same image.
func imageBehind(tag string) string {
	repository, key, _ := strings.Cut(tag, ":")
	return repository + "@" + digest(key)
}

func (m *modelImages) push(tag string, fate fate) {
	m.tags[tag] = registry.Built{Reference: imageBehind(tag), Processes: []string{"web", "worker"}}
	m.fates[imageBehind(tag)] = fate
}

// fate of an image that nobody pushed: it cannot be pulled.
func (m *modelImages) fate(image string) fate {
	if fate, ok := m.fates[image]; ok {
		return fate
	}
	return neverUp
}

// removeImages removes the images of a tool that nothing needs at this moment, as retention does with those of some age.
func (w *world) removeImages(tool *modelTool) {
	status := w.status(tool)
	needed := make(map[string]bool)
	for _, b := range status.Builds {
		needed[b.Key] = true
	}
	for _, past := range status.BuildHistory {
		needed[past.Key] = needed[past.Key] || past.Outcome == api.BuildOutcomeRunning
	}
	for _, d := range []*api.Deployment{status.Serving, status.Deploying} {
		if d != nil {
			for _, image := range d.Images {
				needed[image.Reference] = true
			}
		}
	}
	for tag := range w.images.tags {
		repository, key, _ := strings.Cut(tag, ":")
		if strings.HasPrefix(repository, modelRegistry+"/tool-"+tool.name+"/") && !needed[key] && !needed[imageBehind(tag)] {
			delete(w.images.tags, tag)
		}
	}
}

// modelRegistryClient asks the registry, through faults.
type modelRegistryClient struct{ daemon *modelDaemon }

func (c modelRegistryClient) Built(_ context.Context, tag string) (registry.Built, error) {
	var built registry.Built
	err := c.daemon.call("look up "+tag, false, schema.GroupResource{Resource: "images"}, func() error {
		found, ok := c.daemon.world.images.tags[tag]
		if !ok {
			return registry.ErrNotFound
		}
		built = found
		return nil
	})
	return built, err
}

// Interface guard.
var _ build.Registry = modelRegistryClient{}
