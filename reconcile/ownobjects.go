package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	kyaml "sigs.k8s.io/yaml"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/policy"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/sources"
)

// Bounds of the Kubernetes objects that a repository may hold. What serves is kept in the Tool's status, so they are small.
const (
	maxOwnFiles   = 100
	maxOwnBytes   = 128 << 10
	maxOwnObjects = 100
)

// ownPath is where toolforge.yaml says which Kubernetes objects a tool brings itself.
const ownPath = "kubernetes.path"

// readOwn reads the Kubernetes objects of a commit. Mistakes in them are problems of the place that names them.
func readOwn(ctx context.Context, declared *manifest.Manifest, snapshot *sources.Snapshot) ([]*unstructured.Unstructured, manifest.Problems, error) {
	if declared.Kubernetes == nil {
		return nil, nil, nil
	}
	problem := func(format string, args ...any) manifest.Problems {
		return manifest.Problems{declared.Problem(ownPath, fmt.Sprintf(format, args...))}
	}
	path := declared.Kubernetes.Path
	files, err := snapshot.ReadDir(ctx, path, sources.ReadDirOptions{
		Wanted: func(name string) bool {
			return name != manifestFile && (strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml"))
		},
		MaxFiles: maxOwnFiles, MaxFile: maxOwnBytes, MaxBytes: maxOwnBytes,
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, problem("`path` is %q: the repository has no such directory at commit %.7s", path, snapshot.Commit()), nil
	case errors.Is(err, sources.ErrContent), errors.Is(err, sources.ErrTooLarge):
		return nil, problem("%s", err), nil
	case err != nil:
		return nil, nil, fmt.Errorf("read the Kubernetes objects in %q: %w", path, err)
	case len(files) == 0:
		return nil, problem("`path` is %q: there is no file with a name that ends in `.yaml`", path), nil
	}
	var objects []*unstructured.Unstructured
	var problems manifest.Problems
	for _, file := range files {
		inFile, wrong := parseOwn(file.Data)
		for _, message := range wrong {
			problems = append(problems, problem("%s, %s", file.Path, message)...)
		}
		objects = append(objects, inFile...)
	}
	if len(objects) > maxOwnObjects {
		problems = append(problems, problem("%q holds %d objects; at most %d are allowed", path, len(objects), maxOwnObjects)...)
	}
	return objects, problems, nil
}

// parseOwn reads the objects of one file. What is wrong begins with "line N: ".
func parseOwn(data []byte) (objects []*unstructured.Unstructured, wrong []string) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		document, err := nextDocument(decoder)
		if errors.Is(err, io.EOF) {
			return objects, wrong
		}
		if err != nil {
			return objects, append(wrong, strings.TrimPrefix(err.Error(), "yaml: "))
		}
		if document == nil {
			continue
		}
		object, message := ownObject(document)
		if message != "" {
			wrong = append(wrong, fmt.Sprintf("line %d: %s", document.Line, message))
			continue
		}
		objects = append(objects, object)
	}
}

// nextDocument reads one document of a file; nil for an empty one. The library panics on rare input.
func nextDocument(decoder *yaml.Decoder) (document *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			err = errors.New("this is no YAML that can be read")
		}
	}()
	document = &yaml.Node{}
	if err := decoder.Decode(document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 || document.Content[0].Tag == "!!null" {
		return nil, nil
	}
	return document.Content[0], nil
}

// ownObject makes an object of a document, or says what is wrong with it.
func ownObject(document *yaml.Node) (*unstructured.Unstructured, string) {
	if document.Kind != yaml.MappingNode {
		return nil, "a Kubernetes object must be a mapping with `apiVersion`, `kind` and `metadata`"
	}
	text, err := yaml.Marshal(document)
	if err != nil {
		return nil, err.Error()
	}
	if len(text) > maxOwnBytes {
		return nil, "the object is too large"
	}
	content := map[string]any{}
	if err := kyaml.UnmarshalStrict(text, &content); err != nil {
		return nil, strings.TrimPrefix(err.Error(), "error converting YAML to JSON: ")
	}
	object := &unstructured.Unstructured{}
	encoded, err := json.Marshal(content)
	if err == nil {
		err = json.Unmarshal(encoded, &object.Object) // whole numbers as Kubernetes has them
	}
	if err != nil {
		return nil, err.Error()
	}
	return object, wrongOwnObject(object)
}

// ownMetadata are the fields of metadata that a repository may set.
var ownMetadata = []string{"name", "namespace", "labels", "annotations"}

func wrongOwnObject(object *unstructured.Unstructured) string {
	if object.GetAPIVersion() == "" || object.GetKind() == "" {
		return "a Kubernetes object needs `apiVersion` and `kind`"
	}
	if strings.HasSuffix(object.GetKind(), "List") {
		return "write each object of the list as a document of its own, with `---` between them"
	}
	metadata, _ := object.Object["metadata"].(map[string]any)
	if len(validation.IsDNS1123Subdomain(object.GetName())) > 0 {
		return "`metadata.name` must be a name of lower-case letters, digits, `-` and `.`"
	}
	for field := range metadata {
		if !slices.Contains(ownMetadata, field) {
			return fmt.Sprintf("`metadata.%s` is not for a file: of metadata, only name, labels and annotations are", field)
		}
	}
	for name := range object.GetAnnotations() {
		if strings.HasPrefix(name, api.GroupVersion.Group+"/") {
			return fmt.Sprintf("the annotation %q is the platform's", name)
		}
	}
	if _, has := object.Object["status"]; has {
		return "`status` is not for a file: the cluster writes it"
	}
	return ""
}

// checkOwn finds what a tool may not bring: kinds that the administrators do not allow, other namespaces, names that are
// taken, two objects of one name.
func checkOwn(m *manifest.Manifest, objects []*unstructured.Unstructured, namespace string, allowed policy.Policy) manifest.Problems {
	var problems manifest.Problems
	seen := make(map[objectKey]bool)
	kinds := allowed.OwnKinds()
	for _, object := range objects {
		name := object.GetKind() + " " + object.GetName()
		problem := func(format string, args ...any) {
			problems = append(problems, m.Problem(ownPath, name+": "+fmt.Sprintf(format, args...)))
		}
		kind := object.GroupVersionKind()
		switch {
		case !slices.Contains(kinds, kind):
			problem("the platform does not allow objects of kind %s in %s; it allows: %s", kind.Kind, kind.GroupVersion(), kindNames(kinds))
		case object.GetNamespace() != "" && object.GetNamespace() != namespace:
			problem("its namespace is %q: leave it out, a tool's objects are in its own", object.GetNamespace())
		case nameTaken(m, object, allowed.Volumes):
			problem("this name is taken: the platform makes a %s of it for what `webservice`, `jobs` or `network` declare", kind.Kind)
		case seen[keyOf(object)]:
			problem("there are two of it")
		}
		seen[keyOf(object)] = true
	}
	return problems
}

func kindNames(allowed []schema.GroupVersionKind) string {
	names := make([]string, 0, len(allowed))
	for _, kind := range allowed {
		names = append(names, kind.Kind)
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// nameTaken tells of a name under which the platform makes an object of that kind for the manifest, or may.
func nameTaken(m *manifest.Manifest, object *unstructured.Unstructured, volumes []render.Volume) bool {
	if !slices.Contains(Kinds(), object.GroupVersionKind()) {
		return false
	}
	if slices.ContainsFunc(volumes, func(v render.Volume) bool { return v.Name == object.GetName() }) {
		return true
	}
	if object.GetKind() == secretKind.Kind && strings.HasPrefix(object.GetName(), render.SealedPrefix) {
		return true
	}
	return slices.Contains(render.ReservedNames, object.GetName()) || slices.ContainsFunc(m.Processes(), func(p manifest.Process) bool { return p.Name == object.GetName() })
}

// encodeOwn writes objects down, one a line; decodeOwn reads them again.
func encodeOwn(objects []*unstructured.Unstructured) string {
	var text strings.Builder
	for _, object := range objects {
		line, err := json.Marshal(object.Object)
		if err != nil {
			panic(fmt.Sprintf("encode %s %s: %v", object.GetKind(), object.GetName(), err)) // decoded from JSON: cannot fail
		}
		text.Write(line)
		text.WriteByte('\n')
	}
	return text.String()
}

func decodeOwn(text string) ([]*unstructured.Unstructured, error) {
	var objects []*unstructured.Unstructured
	for line := range strings.Lines(text) {
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal([]byte(line), &object.Object); err != nil {
			return nil, fmt.Errorf("decode a Kubernetes object of the tool's: %w", err)
		}
		objects = append(objects, object)
	}
	return objects, nil
}
