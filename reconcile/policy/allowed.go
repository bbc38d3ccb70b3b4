package policy

import (
	"github.com/toolforge/toolforged/manifest"
)

// Allowed is what one tool may ask for, and what there is to ask for. What is nil is not known, and not checked.
type Allowed struct {
	// Tool is the tool's name, Domain the parent of every tool's host name.
	Tool, Domain string
	// Class is the tool's quota class.
	Class *Class
	// Builders are the names of the builders of the catalogue; DefaultBuilder is the one that builds what names none, ""
	// where there is none.
	Builders       []string
	DefaultBuilder string
	// Images are the plain images of the catalogue, by name and by each other name.
	Images map[string]ImageOffer
	// Hosts says which Tool has each of the hosts that the file names; one that no Tool has is not in it.
	Hosts map[string]string
	// Volumes is how many shared volumes the platform has.
	Volumes int
}

// ImageOffer is what the platform says of a plain image.
type ImageOffer struct {
	// HasCommand tells that the image serves requests by itself, without a command.
	HasCommand bool
}

// Check finds everything that a manifest asks for beyond what its tool may have, sorted as Problems are. It refuses nothing
// that can run in full, and everything that never can. What others have in the tool's namespace is not known here: that is
// left to the API server's quota.
func Check(m *manifest.Manifest, what Allowed) manifest.Problems {
	c := &checker{m: m, what: what}
	c.builders()
	c.images()
	c.hosts()
	c.mounts()
	if what.Class != nil {
		c.containers()
		c.quota()
	}
	return c.problems.Sorted()
}

// checker notes problems.
type checker struct {
	m        *manifest.Manifest
	what     Allowed
	problems manifest.Problems
}

func (c *checker) add(path, message string) {
	c.problems = append(c.problems, c.m.Problem(path, message))
}
