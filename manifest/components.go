package manifest

import (
	"fmt"

	"go.yaml.in/yaml/v3"
)

// toolConfig is a file of Toolforge's push-to-deploy.
type toolConfig struct {
	version    string
	components []*component
}

// component is one of its processes together with the image it runs in.
type component struct {
	older
	kind   string
	source source
}

const (
	componentContinuous = "continuous"
	componentScheduled  = "scheduled"
)

var toolConfigSection = section[toolConfig]{
	place: "the top level",
	fields: []field[toolConfig]{
		in("config_version", oneOf[string]{"v1beta1", "v1beta2"}, func(t *toolConfig) *string { return &t.version }, ""),
		in("source_url", text{what: "a URL", max: maxURL}, func(*toolConfig) *string { return new(string) }, ""),
		in("source", anything{}, func(*toolConfig) *struct{} { return &struct{}{} }, ""),
		in("defaults", defaultsSection, func(*toolConfig) *struct{} { return &struct{}{} }, ""),
		in("components", componentsKind{componentSection}, func(t *toolConfig) *[]*component { return &t.components }, ""),
	},
	finish: func(r *reader, m *mapping, t *toolConfig) {
		for _, key := range []string{"source_url", "source"} {
			if v, ok := m.get(key); ok {
				r.notes.add(v.keyAt, "`%s` is not followed: what counts is this file, in the tool's own repository", key)
			}
		}
		if !m.has("components") {
			r.problems.add(m.at, "`components` is missing: what the tool runs")
		}
	},
}

var defaultsSection = section[struct{}]{
	place: "`defaults`",
	fields: []field[struct{}]{in("alerts", section[struct{}]{
		place:  "`alerts`",
		fields: []field[struct{}]{in("enabled", boolean{}, func(*struct{}) *bool { return new(bool) }, "")},
		finish: func(r *reader, m *mapping, _ *struct{}) {
			r.notes.add(m.keyAt, "`alerts` has no effect: each job says with `emails` of which of its ends the maintainers are told")
		},
	}, func(s *struct{}) *struct{} { return s }, "")},
}

var componentSection = section[component]{
	place: "a component",
	fields: []field[component]{
		in("component_type", oneOf[string]{componentContinuous, componentScheduled},
			func(c *component) *string { return &c.kind }, ""),
		in("build", sourceSection, func(c *component) *source { return &c.source }, ""),
		in("run", section[older]{place: "`run`", fields: inComponents.fields(), finish: inComponents.finish},
			func(c *component) *older { return &c.older }, ""),
	},
	finish: finishComponent,
}

func finishComponent(r *reader, m *mapping, c *component) {
	name := shorten(m.name)
	if !m.has("build") {
		r.problems.add(m.keyAt, "`%s` needs `build`: the `repository` and `ref` of its source, or `reuse_from` another component", name)
	}
	if !m.has("run") {
		r.problems.add(m.keyAt, "`%s` needs `run`: its `command`, and when it is scheduled, its `schedule`", name)
	}
	c.name, c.named = m.name, m.keyAt
	if c.m == nil {
		return
	}
	schedule, scheduled := c.m.get("schedule")
	switch {
	case c.kind == componentContinuous && scheduled:
		r.problems.add(schedule.keyAt, "`schedule` is for scheduled components: write `component_type: scheduled`, or leave it out")
	case c.kind == componentScheduled && !c.m.has("schedule"):
		r.problems.add(c.m.at, "a scheduled component needs `schedule`: %s", scheduleKind{}.allowed())
	default:
		c.continuous = !c.m.has("schedule")
		inComponents.finishKind(r, &c.older)
	}
}

// componentsKind is a mapping of components by name; their order is kept.
type componentsKind struct{ of section[component] }

func (componentsKind) allowed() string {
	return fmt.Sprintf("a mapping of 1 to %d components by name", maxJobs)
}

func (k componentsKind) nestedKeys() (string, []Key) { return k.of.nestedKeys() }

func (k componentsKind) read(r *reader, v value) ([]*component, bool) {
	if isNull(v.node) {
		r.wrong(v, k.allowed())
		return nil, false
	}
	m, ok := r.mapping(v, k.allowed())
	if !ok {
		return nil, false
	}
	if len(m.entries) > maxJobs || len(m.entries) == 0 {
		r.problems.add(v.at, "%s must be %s; found %d", v.label(), k.allowed(), len(m.entries))
		return nil, false
	}
	var all []*component
	for _, e := range m.entries {
		if r.gaveUp() {
			return nil, false
		}
		if wrong := jobName.wrong(e.name); wrong != "" {
			r.problems.add(e.keyAt, "the name `%s` %s", shorten(e.name), wrong)
		}
		if c, ok := k.of.read(r, e); ok {
			all = append(all, &c)
		}
	}
	return all, true
}

// fromComponents writes a push-to-deploy file in v1; what it returns is of no use when there are problems.
func fromComponents(r *reader, document *yaml.Node, origin Origin) (*yaml.Node, string) {
	if mixed(r, document) {
		return nil, FormatComponents
	}
	_, r.root = toolConfigSection.nestedKeys()
	config, _ := toolConfigSection.read(r, value{name: "toolforge.yaml", at: position(document), node: document})
	top := made{at: position(document)}
	writeBuilds(r, &top, config.components, origin)
	all := make([]*older, len(config.components))
	for i, c := range config.components {
		all[i] = &c.older
	}
	inComponents.assemble(r, &top, all)
	format := FormatComponents
	if config.version != "" {
		format = config.version
	}
	return top.node(), format
}

// mixed refuses a file that has keys of v1 as well.
func mixed(r *reader, document *yaml.Node) bool {
	older := "components"
	if child(document, older) == nil {
		older = "config_version"
	}
	for i := 0; i+1 < len(document.Content); i += 2 {
		key := document.Content[i]
		if key.Kind == yaml.ScalarNode && root.knows(key.Value) {
			r.problems.add(position(key), "`%s` is a key of version v1, and `%s` one of the format before it: a file is either, and "+
				"v1 has `webservice` and `jobs` in place of `components`", key.Value, older)
			return true
		}
	}
	return false
}
