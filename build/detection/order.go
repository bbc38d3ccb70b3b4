// Package detection says which buildpacks look at a source, in which order: those of the languages that a maintainer names, or,
// where none are named, one language after the other of the catalogue until one fits. It writes that as the lifecycle's detector
// reads it (Cloud Native Buildpacks platform specification, "order.toml"), and reads from a built image which language it was.
//
// The entry point is Catalogue.
package detection

import (
	"fmt"
	"slices"
	"strings"
)

// Buildpack is one buildpack of a builder image.
type Buildpack struct{ ID, Version string }

// Language is a name that a maintainer may write, and the ids of the buildpacks that it stands for, in order.
type Language struct {
	Name       string
	Buildpacks []string
}

// Catalogue is what one builder offers.
type Catalogue struct {
	// Builder is the builder's name.
	Builder string
	// Known are the buildpacks of the builder image.
	Known []Buildpack
	// Languages are in the order in which they are tried where none is named.
	Languages []Language
	// Before and After are the ids of buildpacks that take part in every build, before and after those of the languages,
	// where they detect something.
	Before, After []string
}

// Named is the order for a stack of languages: the buildpacks of each must detect something. The error is for the maintainer
// where a name is unknown, and names the first buildpack that the builder lacks.
func (c Catalogue) Named(stack []string) (string, error) {
	var ids []string
	for _, name := range stack {
		at := slices.IndexFunc(c.Languages, func(l Language) bool { return l.Name == name })
		if at < 0 {
			return "", fmt.Errorf("there is no language %q; builder %s has: %s", name, c.Builder, strings.Join(c.names(), ", "))
		}
		for _, id := range c.Languages[at].Buildpacks {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	var order strings.Builder
	err := c.group(&order, ids)
	return order.String(), err
}

// Detected is the order where no language is named: a group for each language, the first that fits being taken. Without
// languages it is empty: the builder image's own order is used.
func (c Catalogue) Detected() (string, error) {
	var order strings.Builder
	for _, language := range c.Languages {
		if err := c.group(&order, language.Buildpacks); err != nil {
			return "", err
		}
	}
	return order.String(), nil
}

// LanguagesOf are the names of the languages all of whose buildpacks took part in a build, in the order of the catalogue.
func (c Catalogue) LanguagesOf(took []string) []string {
	var names []string
	for _, language := range c.Languages {
		if !slices.ContainsFunc(language.Buildpacks, func(id string) bool { return !slices.Contains(took, id) }) {
			names = append(names, language.Name)
		}
	}
	return names
}

func (c Catalogue) names() []string {
	names := make([]string, 0, len(c.Languages))
	for _, language := range c.Languages {
		names = append(names, language.Name)
	}
	return names
}

// group writes one group: the languages' buildpacks and, optional, those of every build. One that is among both stays where
// the languages have it.
func (c Catalogue) group(order *strings.Builder, languages []string) error {
	order.WriteString("[[order]]\n")
	add := func(id string, optional bool) error {
		if optional && slices.Contains(languages, id) {
			return nil
		}
		at := slices.IndexFunc(c.Known, func(b Buildpack) bool { return b.ID == id })
		if at < 0 {
			return fmt.Errorf("the builder has no buildpack %q", id)
		}
		fmt.Fprintf(order, "[[order.group]]\nid = %q\nversion = %q\noptional = %t\n", id, c.Known[at].Version, optional)
		return nil
	}
	for _, part := range []struct {
		ids      []string
		optional bool
	}{{c.Before, true}, {languages, false}, {c.After, true}} {
		for _, id := range part.ids {
			if err := add(id, part.optional); err != nil {
				return err
			}
		}
	}
	return nil
}
