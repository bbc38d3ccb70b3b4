package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
)

// object is a part of a JSON Schema.
type object = map[string]any

// draft is what the schema is written in.
const draft = "https://json-schema.org/draft/2020-12/schema"

// Schema is the JSON Schema of the file, draft 2020-12, made from the same tables that Parse reads by: for editors, which
// complete, check and explain with it. It accepts every file that Parse accepts, but cannot know all that Parse does:
// that two jobs have one name, say, or that a day never comes.
func Schema() ([]byte, error) {
	schema := root.schema()
	schema["$schema"] = draft
	schema["title"] = "toolforge.yaml, version v1"
	schema["description"] = "What to build and what to run: the one file that a tool's maintainers write."
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return text.Bytes(), nil
}

// schemaOf is as much of what a kind of version v1 allows as JSON Schema can say. The kinds of older formats have none.
func schemaOf(k any) object { return k.(interface{ schema() object }).schema() }

func (s section[T]) schema() object {
	properties := object{}
	for _, f := range s.fields {
		properties[f.Name] = f.described()
	}
	schema := object{
		"type":                 "object",
		"properties":           properties,
		"patternProperties":    object{"^x-": true},
		"additionalProperties": false,
	}
	if len(s.rules) > 0 {
		schema["allOf"] = s.rules
	}
	return schema
}

// described is the schema of the values with what the table says about the key.
func (f field[T]) described() object {
	schema := maps.Clone(f.schema())
	schema["description"] = f.Doc + "\n\nAllowed: " + f.Allowed + "."
	if f.Default != nil {
		schema["default"] = f.Default
	}
	if f.Example != nil {
		schema["examples"] = []any{f.Example}
	}
	return schema
}

func (k text) schema() object {
	schema := object{"type": "string", "minLength": 1, "maxLength": k.max}
	if k.pattern != nil {
		schema["pattern"] = k.pattern.String()
		schema["patternErrorMessage"] = "This must be " + k.allowed() + "."
	}
	return schema
}

func (k oneOf[V]) schema() object { return object{"enum": k} }

func (k whole) schema() object { return object{"type": "integer", "minimum": k.min, "maximum": k.max} }

func (k boolean) schema() object {
	if k.onlyTrue {
		return object{"const": true}
	}
	return object{"type": "boolean"}
}

func (k duration) schema() object {
	return object{
		"type": "string", "pattern": durationNotation.String(), "patternErrorMessage": "This must be " + k.allowed() + ".",
	}
}

func (k amount) schema() object {
	least, _ := parseQuantity(string(k.min))
	most, _ := parseQuantity(string(k.max))
	return object{
		"type": []string{"string", "number"}, "minimum": least, "maximum": most,
		"pattern": notation.String(), "patternErrorMessage": "This must be " + k.allowed() + ".",
	}
}

func (k scheduleKind) schema() object {
	return object{
		"type": "string", "maxLength": maxSchedule,
		"pattern":             `^(@(hourly|daily|weekly|monthly|yearly)|\s*[^@\s]\S*(\s+\S+){4}\s*)$`,
		"patternErrorMessage": "This must be " + k.allowed() + ".",
	}
}

func (k list[V]) schema() object {
	return object{"type": "array", "items": schemaOf(k.of), "maxItems": k.max}
}

func (k distinct[V]) schema() object {
	schema := k.list.schema()
	schema["uniqueItems"] = true
	return schema
}

func (k oneOrMore[V]) schema() object {
	several := distinct[V](k).schema()
	several["minItems"] = 1
	return object{"anyOf": []object{schemaOf(k.of), several}}
}

func (k variables) schema() object {
	return object{
		"type":                 "object",
		"propertyNames":        k.names(),
		"additionalProperties": object{"type": []string{"string", "number", "boolean"}, "maxLength": maxValueBytes},
		"maxProperties":        maxVariables,
	}
}

// names is the schema of the variables' names.
func (k variables) names() object {
	reserved := "^(CNB_|TOOLFORGE_)"
	if k.portIsSet {
		reserved = "^(CNB_|TOOLFORGE_|PORT$)"
	}
	return object{
		"pattern": variableName.String(), "patternErrorMessage": "This is no name for an environment variable.",
		"not": object{"pattern": reserved}, "errorMessage": "This name is reserved for the platform.",
	}
}

func (k named[V]) schema() object {
	return object{
		"type":                 "object",
		"propertyNames":        k.names(),
		"additionalProperties": schemaOf(k.of),
		"maxProperties":        k.max,
	}
}
