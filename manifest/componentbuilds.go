package manifest

import (
	"encoding/json"
	"maps"
	"net/url"
	"slices"

	"go.yaml.in/yaml/v3"
)

// componentBuilds writes what the components are built from as `build` and `builds`, each image once.
type componentBuilds struct {
	r          *reader
	origin     Origin
	components map[string]*component
	// names has the builds written so far, by what they are made of.
	names  map[string]string
	main   *yaml.Node
	builds made
}

func writeBuilds(r *reader, top *made, components []*component, origin Origin) {
	w := &componentBuilds{r: r, origin: origin, components: map[string]*component{}, names: map[string]string{}}
	for _, c := range components {
		w.components[c.name] = c
	}
	for _, c := range components {
		if c.source.repository != "" && c.source.ref != "" {
			c.build, c.buildAt = w.build(c), c.source.m.keyAt
		}
	}
	for _, c := range components {
		if c.source.reuseFrom != "" {
			c.build, c.buildAt = w.reused(c, components), c.source.m.keyAt
		}
	}
	if n := len(w.builds.pairs); n > maxBuilds {
		r.problems.add(position(w.builds.pairs[maxBuilds].key), "the components are built from %d different sources; at most %d are allowed",
			n, maxBuilds)
	}
	if w.main != nil {
		top.set("build", position(w.main), w.main)
	}
	if len(w.builds.pairs) > 0 {
		w.builds.at = position(w.builds.pairs[0].key)
		top.set("builds", w.builds.at, w.builds.node())
	}
}

// build returns the name of the build of a component, which is written unless another component has the same.
func (w *componentBuilds) build(c *component) string {
	m := c.source.m
	repository, _ := m.get("repository")
	ref, _ := m.get("ref")
	isFollowed := w.isFollowed(c, repository, ref)
	made := made{at: m.at}
	if !isFollowed {
		if wrong := repositoryURL.wrong(c.source.repository); wrong != "" {
			w.r.problems.add(repository.at, "%s %s", repository.label(), wrong)
		}
		made.setText("repository", repository, c.source.repository)
		made.setText("ref", ref, c.source.ref)
	}
	if env, ok := m.get("envvars"); ok && len(c.source.env) > 0 {
		made.set("env", env.keyAt, variablesNode(env.at, w.r, env.path, c.source.env))
	}
	identity := made.identity()
	if name, known := w.names[identity]; known {
		return name
	}
	w.names[identity] = w.write(c, &made, isFollowed)
	return w.names[identity]
}

// write chooses the name: the first build of the commit that is followed is `main`, any other is called like its component.
func (w *componentBuilds) write(c *component, made *made, isFollowed bool) string {
	isFirst := !slices.Contains(slices.Collect(maps.Values(w.names)), MainBuild)
	if isFollowed && isFirst {
		if len(made.pairs) > 0 {
			w.main = made.node()
		}
		return MainBuild
	}
	name := c.name
	for name == MainBuild || name != c.name && w.components[name] != nil {
		name += "-image"
	}
	w.builds.set(name, c.named, made.node())
	return name
}

// isFollowed tells whether a component is built from the commit that its file is in.
func (w *componentBuilds) isFollowed(c *component, repository, ref value) bool {
	if !w.origin.isOwn(c.source.repository) {
		return false
	}
	follows, supposed := w.origin.follows(c.source.ref)
	if supposed {
		w.r.notes.add(ref.at, "`%s` is taken for the ref that is followed, `%s`: what is built is the commit that this file is in",
			shorten(c.source.ref), shorten(plainRef(w.origin.Ref)))
	}
	if u, err := url.Parse(c.source.repository); follows && err == nil && u.User != nil {
		w.r.notes.add(repository.at, "the name and password in this URL are not used, and everybody can read them here")
	}
	return follows
}

// reused is the build of the component that `reuse_from` names.
func (w *componentBuilds) reused(c *component, components []*component) string {
	from, _ := c.source.m.get("reuse_from")
	name := c.source.reuseFrom
	other := w.components[name]
	switch {
	case other == nil:
		var names []string
		for _, other := range components {
			if other != c && other.source.reuseFrom == "" {
				names = append(names, other.name)
			}
		}
		w.r.problems.add(from.at, "`reuse_from` must name another component; there is no %q%s", shorten(name), suggestName(name, names))
	case other == c:
		w.r.problems.add(from.at, "`reuse_from` must name another component; `%s` is this one", name)
	case other.source.reuseFrom != "":
		w.r.problems.add(from.at, "`reuse_from` must name a component with a `repository`; `%s` itself reuses the image of `%s`: "+
			"name that one", name, shorten(other.source.reuseFrom))
	default:
		return other.build
	}
	return ""
}

// identity is the same for what is made of the same.
func (m *made) identity() string {
	var all []string
	for _, p := range m.pairs {
		all = append(all, p.key.Value, p.value.Value)
		for _, n := range p.value.Content {
			all = append(all, n.Value)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return "" // strings can always be written
	}
	return string(text)
}

// variablesNode is a mapping of environment variables that keep their places, sorted by name.
func variablesNode(at Position, r *reader, path string, env map[string]string) *yaml.Node {
	all := made{at: at}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		place := r.positions[path+"."+name]
		all.set(name, place, scalarNode(place, "!!str", env[name]))
	}
	return all.node()
}
