package retention

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// words are digests and keys of builds, in hexadecimal digits, wherever they stand.
type words map[string]bool

// word is as long as a key or as a digest.
var word = regexp.MustCompile(`\b[0-9a-f]{32}(?:[0-9a-f]{32})?\b`)

// add takes the words out of a text.
func (w words) add(text []byte) {
	for _, found := range word.FindAll(text, -1) {
		w[string(found)] = true
	}
}

// Objects say what the objects in tools' namespaces name. It does not matter where in them: too much is kept, rather than too little.
type Objects struct {
	// Live reads from the API server.
	Live client.Reader
	// Catalog reads CatalogImages, from a cache.
	Catalog client.Reader
	// Kinds are those that tools bring themselves.
	Kinds []schema.GroupVersionKind
}

// kindsThatRun are those of which a container comes sooner or later.
var kindsThatRun = []schema.GroupVersionKind{
	{Version: "v1", Kind: "Pod"},
	{Group: "apps", Version: "v1", Kind: "ReplicaSet"},
	{Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "batch", Version: "v1", Kind: "Job"},
	{Group: "batch", Version: "v1", Kind: "CronJob"},
}

// objectsAtOnce bounds one answer of the API server.
const objectsAtOnce = 200

// named are the digests and keys in the objects of a tool's namespace, as they are now, and in the catalogue of images.
func (o Objects) named(ctx context.Context, tool string) (words, error) {
	found := words{}
	var entries api.CatalogImageList
	if err := o.Catalog.List(ctx, &entries, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the catalogue of images: %w", err)
	}
	for i := range entries.Items {
		found.add([]byte(entries.Items[i].Spec.Image + " " + entries.Items[i].Status.Image))
	}
	seen := map[schema.GroupVersionKind]bool{}
	for _, kind := range append(kindsThatRun[:len(kindsThatRun):len(kindsThatRun)], o.Kinds...) {
		if seen[kind] {
			continue
		}
		seen[kind] = true
		if err := o.list(ctx, api.NamespacePrefix+tool, kind, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

func (o Objects) list(ctx context.Context, namespace string, kind schema.GroupVersionKind, found words) error {
	for next := ""; ; {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		err := o.Live.List(ctx, list, client.InNamespace(namespace), client.Limit(objectsAtOnce), client.Continue(next))
		if err != nil {
			return fmt.Errorf("list objects of kind %s in namespace %s: %w", kind.Kind, namespace, err)
		}
		text, err := json.Marshal(list.Items)
		if err != nil {
			return fmt.Errorf("encode objects of kind %s: %w", kind.Kind, err)
		}
		found.add(text)
		if next = list.GetContinue(); next == "" {
			return nil
		}
	}
}
