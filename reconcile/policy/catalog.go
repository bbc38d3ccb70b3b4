package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/toolforge/toolforged/manifest"
)

// builders finds builds by a builder that the catalogue does not have, or that the tool may not use.
func (c *checker) builders() {
	if c.what.Builders == nil {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(c.m.Builds)) {
		path := "builds." + name
		if name == manifest.MainBuild {
			path = "build"
		}
		c.builder(name, path)
	}
}

func (c *checker) builder(build, path string) {
	builder := c.m.Builds[build].Builder
	chosen := builder != ""
	if !chosen && slices.Contains(c.m.BuildNames(), build) {
		builder = c.what.DefaultBuilder
	}
	offered := slices.DeleteFunc(slices.Clone(c.what.Builders), func(name string) bool { return !c.mayUse(name) })
	switch {
	case builder == "":
	case !slices.Contains(c.what.Builders, builder):
		c.add(path+".builder", fmt.Sprintf("the platform has no builder %q%s", builder, suggest(builder, offered)))
	case c.mayUse(builder):
	case chosen:
		c.add(path+".builder", fmt.Sprintf("the tool may not use the builder %q: %s", builder, instead(offered)))
	default:
		c.add(path, fmt.Sprintf("the tool may not use the builder %q, which builds where `builder` names none: %s", builder, instead(offered)))
	}
}

func (c *checker) mayUse(builder string) bool {
	return c.what.Class == nil || c.what.Class.Builders == nil || slices.Contains(c.what.Class.Builders, builder)
}

func instead(offered []string) string {
	if len(offered) == 0 {
		return "ask the administrators to allow it"
	}
	return "write one of " + quoted(offered) + ", or ask the administrators to allow it"
}

// images finds plain images that the catalogue does not have, and a webservice that would not know what to run.
func (c *checker) images() {
	if c.what.Images == nil {
		return
	}
	for _, p := range c.m.Processes() {
		if p.Run.Image == "" {
			continue
		}
		offer, known := c.what.Images[p.Run.Image]
		switch {
		case !known:
			c.add(p.Path+".image", fmt.Sprintf("the platform has no image %q%s", p.Run.Image,
				suggest(p.Run.Image, slices.Sorted(maps.Keys(c.what.Images)))))
		case !offer.HasCommand && p.Run.Command == "" && p.Run.Process == "":
			c.add(p.Path+".image", fmt.Sprintf("the image %q does not serve by itself: write the `command` that does", p.Run.Image))
		}
	}
}

// suggest says which name was meant, or which there are; there may be none.
func suggest(name string, names []string) string {
	if len(names) == 0 {
		return ": it has none"
	}
	return manifest.Suggest(name, names)
}

func quoted(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// mounts finds processes that ask for shared volumes and would see none.
func (c *checker) mounts() {
	for _, p := range c.m.Processes() {
		switch {
		case p.Run.Mount != manifest.MountAll:
		case c.what.Volumes == 0:
			c.add(p.Path+".mount", "the platform has no shared volumes: leave `mount` out")
		case c.what.Class != nil && !c.what.Class.Mounts:
			c.add(p.Path+".mount", "the tool may not use the platform's shared volumes: leave `mount` out, or ask the administrators "+
				"for a quota class that has them")
		}
	}
}
