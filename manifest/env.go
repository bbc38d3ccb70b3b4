package manifest

import (
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// variables is a mapping of environment variables. Values keep the text of the file: 1.10 stays "1.10".
type variables struct {
	// portIsSet: the platform may set PORT for the same process, so that the file must not.
	portIsSet bool
}

// variableName is the portable form of POSIX (XBD 8.1), with lower case allowed.
var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)

// reservedPrefixes belong to the buildpacks' lifecycle and to the platform.
var reservedPrefixes = []string{"CNB_", "TOOLFORGE_"}

func (k variables) allowed() string {
	return "a mapping of environment variables (lines of `NAME: value`)"
}

func (k variables) read(r *reader, v value) (map[string]string, bool) {
	// Before any of them is looked at. One of them may be a merge key.
	if n := len(v.node.Content) / 2; v.node.Kind == yaml.MappingNode && n > maxVariables+1 {
		return nil, !tooMany(r, v, "variables", n, maxVariables)
	}
	m, ok := r.mapping(v, k.allowed())
	if !ok || tooMany(r, v, "variables", len(m.entries), maxVariables) {
		return nil, false
	}
	env := make(map[string]string, len(m.entries))
	total := 0
	for _, e := range m.entries {
		if wrong := k.wrongName(e.name); wrong != "" {
			r.problems.add(e.keyAt, "%s", wrong)
		}
		if s, ok := variableValue(r, e); ok {
			env[e.name] = s
			total += len(e.name) + len(s)
		}
	}
	if total > maxEnvBytes {
		r.problems.add(v.at, "%s holds %d bytes of names and values; at most %d are allowed", v.label(), total, maxEnvBytes)
		return nil, false
	}
	return env, true
}

func tooMany(r *reader, v value, what string, n, most int) bool {
	if n > most {
		r.problems.add(v.at, "%s has %d %s; at most %d are allowed", v.label(), n, what, most)
	}
	return n > most
}

func (k variables) wrongName(name string) string {
	if !variableName.MatchString(name) {
		return fmt.Sprintf("%q is no name for an environment variable: use letters, digits and `_`, "+
			"not beginning with a digit, at most 128 characters", shorten(name))
	}
	if k.portIsSet && name == "PORT" {
		return "`PORT` is set by the platform to the value of `port`: leave it out here"
	}
	for _, prefix := range reservedPrefixes {
		if strings.HasPrefix(name, prefix) {
			return fmt.Sprintf("`%s`: names that begin with `%s` are reserved for the platform", shorten(name), prefix)
		}
	}
	return ""
}

func variableValue(r *reader, v value) (string, bool) {
	name := shorten(v.name)
	if v.node.Kind == yaml.ScalarNode {
		switch s := v.node.Value; v.node.ShortTag() {
		case "!!null":
			r.problems.add(v.at, "`%s` has no value: write \"\" for an empty text", name)
			return "", false
		case "!!str", "!!int", "!!float", "!!bool", "!!timestamp":
			if len(s) > maxValueBytes {
				r.problems.add(v.at, "`%s` is too long: %d bytes, at most %d are allowed", name, len(s), maxValueBytes)
				return "", false
			}
			if strings.ContainsRune(s, 0) {
				r.problems.add(v.at, "`%s` holds a NUL character, which no environment variable can", name)
				return "", false
			}
			return s, true
		}
	}
	r.problems.add(v.at, "`%s` must be text, a number, `true` or `false`; found %s", name, found(v.node))
	return "", false
}
