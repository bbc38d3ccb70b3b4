package directory

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/sources"
)

// toolName is what a tool may be called: the API server has the same rule.
var toolName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$`)

// named is a file of that path without contents: whatever is wrong with it, it is of that tool.
func named(at string) *File {
	file := &File{Path: at}
	name, extension, _ := strings.Cut(path.Base(at), ".")
	switch {
	case !toolName.MatchString(name):
		file.add("the file's name must be the tool's, with .yaml: at most 52 lower-case letters, digits and hyphens")
	case extension != "yaml":
		file.Tool = name
		file.add("the file's name must end in .yaml")
	default:
		file.Tool = name
	}
	return file
}

func (f *File) add(message string) {
	f.Problems = append(f.Problems, api.FileProblem{File: f.Path, Message: message})
}

// Parse reads one file. It never panics, and its time and memory are bounded whatever the bytes are.
func Parse(at string, data []byte) *File {
	file := named(at)
	if len(file.Problems) > 0 {
		return file
	}
	node, problem := manifest.Document(data)
	switch {
	case problem != nil:
		file.Problems = []api.FileProblem{{File: at, Line: problem.Line, Column: problem.Column, Message: problem.Message}}
		return file
	case node == nil:
		file.Problems = []api.FileProblem{{File: at, Line: 1, Column: 1, Message: "the file is empty: it needs at least `repository`; to remove the tool, delete the file"}}
		return file
	}
	d := &decoder{path: at}
	spec := d.document(node, file.Tool)
	file.places = d.places
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b api.FileProblem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		file.Problems = d.problems
		return file
	}
	text, err := json.Marshal(spec)
	if err != nil {
		file.add("the file cannot be read")
		return file
	}
	sum := sha256.Sum256(text)
	file.Spec, file.Hash = string(text), hex.EncodeToString(sum[:8])
	return file
}

// document checks what can be said without an API server.
func (d *decoder) document(node *yaml.Node, tool string) map[string]any {
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	spec, ok := d.flat(node)
	if !ok {
		return nil
	}
	at := func(key string) *yaml.Node { return valueOf(node, key) }
	if name, given := spec["name"].(string); given && name != tool {
		d.wrong(at("name"), "`name` is %q: it must be the file's name, %q, or be left out", name, tool)
	}
	delete(spec, "name")
	repository, given := spec["repository"].(string)
	if !given {
		if at("repository") == nil {
			d.wrong(node, "`repository` is missing: the URL of the tool's git repository")
		}
		return spec
	}
	if err := (sources.Repository{URL: repository}).Validate(); err != nil {
		d.wrong(at("repository"), "`repository`: %s", err)
	} else if ref, given := spec["ref"].(string); given {
		if err := (sources.Repository{URL: repository, Ref: ref}).Validate(); err != nil {
			d.wrong(at("ref"), "`ref`: %s", err)
		}
	}
	return spec
}

// flat reads the name and the keys of a Tool's spec, which are at one level.
func (d *decoder) flat(node *yaml.Node) (map[string]any, bool) {
	if node.Kind != yaml.MappingNode {
		d.wrong(node, "the file must be a mapping, such as `repository: https://forge.example/tool.git`; found %s", manifest.FoundNode(node))
		return nil, false
	}
	if valueOf(node, "apiVersion") != nil && valueOf(node, "spec") != nil {
		d.wrong(node, "this is a Kubernetes object: write the keys of its `spec` here, in snake_case: %s", strings.Join(keysOf(reflect.TypeFor[api.ToolSpec]()), ", "))
		return nil, false
	}
	spec, ok := d.value(node, flatDocument, "", "the file").(map[string]any)
	return spec, ok
}

// flatDocument is what a file holds: the keys of a Tool's spec, and the tool's name, which the file's name is too.
var flatDocument = func() reflect.Type {
	fields := []reflect.StructField{{Name: "Name", Type: reflect.TypeFor[string](), Tag: `json:"name"`}}
	spec := reflect.TypeFor[api.ToolSpec]()
	for i := range spec.NumField() {
		fields = append(fields, spec.Field(i))
	}
	return reflect.StructOf(fields)
}()

func valueOf(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// tooLarge is a file that is not read.
func tooLarge(at string) *File {
	file := named(at)
	file.add(fmt.Sprintf("the file is larger than %d KiB", maxFile>>10))
	return file
}

// noFile is something of a tool's name that is no file.
func noFile(at string) *File {
	file := named(at)
	file.add("this is a symbolic link or a submodule: write a regular file")
	return file
}
