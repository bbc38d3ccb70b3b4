package manifest

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// text is a string, at most max bytes long.
type text struct {
	what string
	max  int
	// pattern is what it matches; nil: anything. form says so in words; empty: what does.
	pattern *regexp.Regexp
	form    string
	// hidden: problems do not repeat what was found.
	hidden bool
	// check, if there is one, returns what else is wrong with it, as in "must begin with `/`", or "".
	check func(string) string
}

func (k text) allowed() string { return k.what }

func (k text) read(r *reader, v value) (string, bool) {
	s, ok := k.plain(r, v)
	if !ok {
		return "", false
	}
	if wrong := k.wrong(s); wrong != "" {
		r.problems.add(v.at, "%s %s", v.label(), wrong)
		return "", false
	}
	return s, true
}

// plain reads a string, and helps those whose string YAML takes for something else.
func (k text) plain(r *reader, v value) (string, bool) {
	if v.node.Kind == yaml.ScalarNode {
		switch v.node.ShortTag() {
		case "!!str":
			return v.node.Value, true
		case "!!int", "!!float", "!!bool", "!!timestamp":
			if k.wrong(v.node.Value) == "" && !k.hidden {
				r.problems.add(v.at, "%s must be text; YAML reads %s as something else: put it in quotes, %q",
					v.label(), shorten(v.node.Value), shorten(v.node.Value))
				return "", false
			}
		}
	}
	if k.hidden {
		r.problems.add(v.at, "%s must be %s", v.label(), k.what)
		return "", false
	}
	r.wrong(v, k.what)
	return "", false
}

func (k text) wrong(s string) string {
	switch {
	case strings.TrimSpace(s) == "":
		return "must be " + k.what + "; found empty text"
	case len(s) > k.max:
		return fmt.Sprintf("is too long: %d bytes, at most %d are allowed", len(s), k.max)
	case strings.ContainsFunc(s, isControl):
		return "must not hold control characters: in double quotes, `\\` begins one; use single quotes"
	}
	if k.check != nil {
		if wrong := k.check(s); wrong != "" {
			return wrong
		}
	}
	if k.pattern != nil && !k.pattern.MatchString(s) {
		if k.hidden {
			return "must be " + cmp.Or(k.form, k.what)
		}
		return fmt.Sprintf("must be %s; found %q", cmp.Or(k.form, k.what), shorten(s))
	}
	return ""
}

// isControl is true for what no command, path or name needs; line breaks and tabs are part of commands.
func isControl(c rune) bool { return unicode.IsControl(c) && c != '\n' && c != '\t' }

// oneOf is one of a few words.
type oneOf[V ~string] []V

func (k oneOf[V]) allowed() string {
	words := make([]string, len(k))
	for i, w := range k {
		words[i] = "`" + string(w) + "`"
	}
	return either(words)
}

func (k oneOf[V]) read(r *reader, v value) (V, bool) {
	if v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!str" && slices.Contains(k, V(v.node.Value)) {
		return V(v.node.Value), true
	}
	r.problems.add(v.at, "%s must be %s; found %s%s", v.label(), k.allowed(), found(v.node), k.hint(v.node))
	return "", false
}

// hint knows the word in another case.
func (k oneOf[V]) hint(n *yaml.Node) string {
	for _, word := range k {
		if n.Kind == yaml.ScalarNode && strings.EqualFold(string(word), n.Value) {
			return ": write `" + string(word) + "`"
		}
	}
	return ""
}

// either lists words as in "a, b or c".
func either(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// whole is a whole number in decimal notation.
type whole struct{ min, max int }

var decimal = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

func (k whole) allowed() string { return fmt.Sprintf("a whole number from %d to %d", k.min, k.max) }

func (k whole) read(r *reader, v value) (int, bool) {
	if v.node.Kind != yaml.ScalarNode || !decimal.MatchString(v.node.Value) {
		r.wrong(v, k.allowed())
		return 0, false
	}
	n, err := strconv.Atoi(v.node.Value)
	switch {
	case v.node.ShortTag() == "!!str":
		r.problems.add(v.at, "%s must be %s, written without quotes; found %s", v.label(), k.allowed(), found(v.node))
	case err != nil || n < k.min || n > k.max:
		r.wrong(v, k.allowed())
	default:
		return n, true
	}
	return 0, false
}

// boolean is true or false; where only true has a sense, the key is simply left out otherwise.
type boolean struct{ onlyTrue bool }

func (k boolean) allowed() string {
	if k.onlyTrue {
		return "`true`"
	}
	return "`true` or `false`"
}

func (k boolean) read(r *reader, v value) (bool, bool) {
	isBool := v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!bool"
	b, err := strconv.ParseBool(v.node.Value)
	if !isBool || err != nil || k.onlyTrue && !b {
		r.problems.add(v.at, "%s must be %s; found %s%s", v.label(), k.allowed(), found(v.node), k.hint(v.node))
		return false, false
	}
	return b, true
}

// hint knows the words that are true or false in older YAML, and in no JSON.
func (k boolean) hint(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return ""
	}
	switch strings.ToLower(n.Value) {
	case "yes", "y", "on", "true":
		return ": write `true`"
	case "no", "n", "off", "false":
		if !k.onlyTrue {
			return ": write `false`"
		}
	}
	return ""
}

// anything is for keys that mean nothing any more.
type anything struct{}

func (anything) allowed() string { return "anything" }

func (anything) read(*reader, value) (struct{}, bool) { return struct{}{}, true }
