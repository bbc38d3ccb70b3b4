package project

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// document is a file's contents, and its text to find lines in.
type document struct {
	root table
}

// table is a table of the file, which may be missing. The zero value is a missing one.
type table struct {
	at   []string
	keys map[string]any
	text string
	// entry is the number of the table in its list, from 0; -1 where it is in none.
	entry int
}

// value is what a key of a table has; its zero is a missing one.
type value struct {
	at    []string
	is    any
	text  string
	entry int
}

func parseDocument(data []byte) (document, error) {
	var keys map[string]any
	text := string(data)
	_, err := toml.Decode(text, &keys)
	var syntax toml.ParseError
	switch {
	case errors.As(err, &syntax):
		return document{}, &Mistake{syntax.Position.Line, "it is not valid TOML: " + syntax.Message}
	case err != nil:
		return document{}, &Mistake{0, "it is not valid TOML: " + err.Error()}
	}
	return document{table{keys: keys, text: text, entry: -1}}, nil
}

func (d document) table(path ...string) table { return d.root.table(path...) }

// schema is the version of the schema; empty where the file does not say it.
func (d document) schema() (string, error) {
	v := d.root.table("_").key("schema-version")
	switch v.is {
	case nil:
		return "", nil
	case "0.1", "0.2":
		return v.is.(string), nil
	}
	return "", v.mistake(`the schema versions "0.1" and "0.2" are known`)
}

func (t table) table(path ...string) table {
	for _, name := range path {
		keys, _ := t.keys[name].(map[string]any)
		t = table{append(slices.Clone(t.at), name), keys, t.text, -1}
	}
	return t
}

func (t table) key(name string) value {
	return value{append(slices.Clone(t.at), name), t.keys[name], t.text, t.entry}
}

// list are the tables of a list; one that is not a table is a missing one. What is no list is a list of one missing table, so
// that it is told.
func (t table) list(name string) []value {
	var items []value
	at := append(slices.Clone(t.at), name)
	headers := slices.ContainsFunc(strings.Split(t.text, "\n"), func(line string) bool {
		match := header.FindStringSubmatch(line)
		return match != nil && plain(match[1]) == strings.Join(at, ".")
	})
	add := func(item any) {
		entry := -1
		if headers {
			entry = len(items)
		}
		items = append(items, value{at, item, t.text, entry})
	}
	switch list := t.keys[name].(type) {
	case nil:
	case []map[string]any:
		for _, item := range list {
			add(item)
		}
	case []any:
		for _, item := range list {
			add(item)
		}
	default:
		add(nil)
	}
	return items
}

func (t table) names() []string { return slices.Sorted(maps.Keys(t.keys)) }
func (t table) empty() bool     { return len(t.keys) == 0 }
func (t table) path() string    { return strings.Join(t.at, ".") }
func (t table) value() value    { return value{t.at, t.keys, t.text, t.entry} }

func (v value) missing() bool { return v.is == nil }
func (v value) name() string  { return v.at[len(v.at)-1] }

// key is a key of an entry of a list.
func (v value) key(name string) value {
	keys, _ := v.is.(map[string]any)
	return value{append(slices.Clone(v.at), name), keys[name], v.text, v.entry}
}

func (v value) mistake(text string) *Mistake { return &Mistake{lineOf(v.text, v.at, v.entry), text} }

var header = regexp.MustCompile(`^\s*\[\[?\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$`)

// lineOf is the line of a table or a key, as TOML is mostly written: a header in brackets, and keys below. Entry is the number of
// the header among those of the same name, from 0; -1 is the first. It is 0 where it is not found.
func lineOf(text string, at []string, entry int) int {
	path := strings.Join(at, ".")
	current, parent, seen := "", 0, map[string]int{}
	for number, line := range strings.Split(text, "\n") {
		if match := header.FindStringSubmatch(line); match != nil {
			current = plain(match[1])
			seen[current]++
			if current == path && seen[current] > entry {
				return number + 1
			}
			if strings.HasPrefix(path, current+".") || strings.HasPrefix(current, path+".") && parent == 0 {
				parent = number + 1
			}
			continue
		}
		name, _, assigned := strings.Cut(line, "=")
		if name = plain(name); current != "" {
			name = current + "." + name
		}
		if assigned && (name == path || strings.HasPrefix(path, name+".") || strings.HasPrefix(name, path+".")) && seen[current] > entry {
			return number + 1
		}
	}
	return parent
}

// plain is a dotted key without its quotes and spaces.
func plain(key string) string {
	return strings.NewReplacer(`"`, "", "'", "", " ", "", "\t", "").Replace(key)
}
