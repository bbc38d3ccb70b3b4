package directory

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"

	"go.yaml.in/yaml/v3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
)

// maxProblems is how many problems are told of one file.
const maxProblems = 20

// decoder turns a file into what its Tool's spec is in JSON, and notes what is wrong and where everything is.
type decoder struct {
	path     string
	problems []api.FileProblem
	places   []place
}

func (d *decoder) wrong(node *yaml.Node, format string, args ...any) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, api.FileProblem{File: d.path, Line: node.Line, Column: node.Column, Message: fmt.Sprintf(format, args...)})
	}
}

// value is what a node is as JSON, given the Go type of the field; nil when it is wrong. Label is what messages call it.
func (d *decoder) value(node *yaml.Node, t reflect.Type, field, label string) any {
	d.places = append(d.places, place{field, node.Line, node.Column})
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[metav1.Duration]():
		return d.duration(node, label)
	case t.Kind() == reflect.Struct:
		return d.mapping(node, t, field, label)
	case t.Kind() == reflect.Slice:
		return d.list(node, t.Elem(), field, label)
	}
	return d.scalar(node, t.Kind(), label)
}

func (d *decoder) mapping(node *yaml.Node, t reflect.Type, field, label string) any {
	if node.Kind != yaml.MappingNode {
		d.wrong(node, "%s must be a mapping; found %s", label, manifest.FoundNode(node))
		return nil
	}
	known := fieldsOf(t)
	result := make(map[string]any, len(node.Content)/2)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		f, ok := known[key.Value]
		if !ok {
			d.wrong(key, "unknown key `%.40s`%s", key.Value, manifest.Suggest(key.Value, keysOf(t)))
			continue
		}
		if _, twice := result[f.json]; twice {
			d.wrong(key, "`%s` is set twice", key.Value)
			continue
		}
		below := f.json
		if field != "" {
			below = field + "." + f.json
		}
		result[f.json] = d.value(value, f.is, below, "`"+key.Value+"`")
	}
	return result
}

func (d *decoder) list(node *yaml.Node, of reflect.Type, field, label string) any {
	if node.Kind != yaml.SequenceNode {
		d.wrong(node, "%s must be a list; found %s", label, manifest.FoundNode(node))
		return nil
	}
	result := make([]any, 0, len(node.Content))
	for i, entry := range node.Content {
		result = append(result, d.value(entry, of, field+"["+strconv.Itoa(i)+"]", "an entry of "+label))
	}
	return result
}

func (d *decoder) scalar(node *yaml.Node, kind reflect.Kind, label string) any {
	switch kind {
	case reflect.String:
		if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!str" {
			return node.Value
		}
		d.wrong(node, "%s must be text; found %s: if that is the text, put it in quotes", label, manifest.FoundNode(node))
	case reflect.Bool:
		if node.Kind == yaml.ScalarNode && node.ShortTag() == "!!bool" {
			return strings.EqualFold(node.Value, "true")
		}
		d.wrong(node, "%s must be true or false; found %s", label, manifest.FoundNode(node))
	case reflect.Int, reflect.Int32, reflect.Int64:
		if n, err := strconv.ParseInt(node.Value, 10, 64); node.Kind == yaml.ScalarNode && err == nil && math.Abs(float64(n)) < math.MaxInt32 {
			return n
		}
		d.wrong(node, "%s must be a whole number; found %s", label, manifest.FoundNode(node))
	default:
		d.wrong(node, "%s cannot be set in a directory", label)
	}
	return nil
}

func (d *decoder) duration(node *yaml.Node, label string) any {
	span, err := time.ParseDuration(node.Value)
	if node.Kind != yaml.ScalarNode || err != nil || span < time.Second {
		d.wrong(node, "%s must be a time of at least 1s, such as `90s`, `10m` or `1h`; found %s", label, manifest.FoundNode(node))
		return nil
	}
	return span.String()
}

// field is one key of a file.
type field struct {
	json string
	is   reflect.Type
}

// fieldsOf are the keys that a struct of the API has in a file.
func fieldsOf(t reflect.Type) map[string]field {
	fields := make(map[string]field, t.NumField())
	for i := range t.NumField() {
		if json, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); json != "" && json != "-" {
			fields[snake(json)] = field{json, t.Field(i).Type}
		}
	}
	return fields
}

// keysOf are the same keys, in the order of the struct.
func keysOf(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if json, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); json != "" && json != "-" {
			keys = append(keys, snake(json))
		}
	}
	return keys
}

// snake is quota_class for quotaClass.
func snake(camel string) string {
	var b strings.Builder
	for _, r := range camel {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
