package retention

import (
	"strings"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
)

// needs are what must stay of one tool. The zero value needs nothing: so it is of a tool that is gone.
type needs struct {
	// everything stays, for nothing is known.
	everything bool
	// keys are those of images, logged those of logs, caches the tags of caches: each with the build's name and a slash before it.
	keys, logged, caches map[string]bool
	// named are digests and keys, in hexadecimal digits, that something names.
	named words
}

// needsOf reads a tool's records; nil for a tool that is gone. Objects are what its objects name.
func needsOf(tool *api.Tool, objects words, keep int) needs {
	n := needs{keys: map[string]bool{}, logged: map[string]bool{}, caches: map[string]bool{}, named: objects}
	if tool == nil {
		return n
	}
	status := &tool.Status
	n.everything = status.Serving == nil && len(status.Builds)+len(status.BuildHistory)+len(status.History) == 0
	left := map[string]int{}
	for _, b := range status.Builds {
		n.keys[b.Name+"/"+b.Key], n.logged[b.Name+"/"+b.Key] = true, true
		n.caches[b.Name+"/"+build.CacheTag("")], n.caches[b.Name+"/"+build.CacheTag(b.Branch)] = true, true
		n.reference(b.Image)
		left[b.Name] = keep - 1
	}
	for _, b := range status.BuildHistory {
		key := b.Name + "/" + b.Key
		n.logged[key] = true
		switch {
		case b.Outcome == api.BuildOutcomeRunning:
			n.keys[key] = true
		case b.Outcome == api.BuildOutcomeSucceeded && !n.keys[key]:
			if _, known := left[b.Name]; !known {
				left[b.Name] = keep
			}
			n.keys[key] = left[b.Name] > 0
			left[b.Name]--
		}
	}
	n.deployed(status, keep)
	return n
}

// deployed adds what is deployed, and may be again.
func (n needs) deployed(status *api.ToolStatus, keep int) {
	for _, d := range []*api.Deployment{status.Serving, status.Deploying} {
		if d != nil {
			for _, image := range d.Images {
				n.reference(image.Reference)
			}
		}
	}
	kept := map[string]map[string]bool{}
	for _, d := range status.History {
		for _, image := range d.Images {
			before := kept[image.Name]
			if before == nil {
				before = map[string]bool{}
				kept[image.Name] = before
			}
			if d.Outcome == api.OutcomeProgressing {
				n.reference(image.Reference)
			}
			if d.Outcome == api.OutcomeSucceeded && len(before) < keep {
				before[image.Reference] = true
				n.reference(image.Reference)
			}
		}
	}
}

// reference adds an image by digest.
func (n needs) reference(reference string) {
	if _, digest, ok := strings.Cut(reference, "@sha256:"); ok {
		n.named[digest] = true
	}
}

// has tells whether an item must stay.
func (n needs) has(i item) bool {
	if n.everything || i.index || !i.repository.Makes(i.tag) || n.named[strings.TrimPrefix(i.digest, "sha256:")] {
		return true
	}
	key := i.repository.Build + "/" + build.KeyOf(i.tag)
	switch i.repository.Kind {
	case build.OfImages:
		return n.keys[key] || n.named[i.tag]
	case build.OfLogs:
		return n.logged[key]
	default:
		return n.caches[i.repository.Build+"/"+i.tag]
	}
}
