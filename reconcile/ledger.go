package reconcile

import (
	"slices"
	"strconv"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ledger remembers what was just written, for as long as the cache does not show it: without it, an object that the cache
// is late with would be written again. Losing it costs nothing but that.
type ledger struct {
	now     func() time.Time
	mu      sync.Mutex
	written map[objectKey]written
}

// written is the answer to a write, and when it came.
type written struct {
	*metav1.PartialObjectMetadata
	at time.Time
}

// ledgerTrust is for how long an object is taken to be there that the cache has never shown. If it was deleted while its
// watch was interrupted, the cache never will.
const ledgerTrust = 10 * time.Second

type objectKey struct {
	kind schema.GroupKind
	key  client.ObjectKey
}

func newLedger(now func() time.Time) *ledger {
	return &ledger{now: now, written: make(map[objectKey]written)}
}

func keyOf(object client.Object) objectKey {
	return objectKey{object.GetObjectKind().GroupVersionKind().GroupKind(), client.ObjectKeyFromObject(object)}
}

// wrote notes the answer to a write.
func (l *ledger) wrote(object *unstructured.Unstructured) {
	metadata := &metav1.PartialObjectMetadata{}
	metadata.SetGroupVersionKind(object.GroupVersionKind())
	metadata.SetNamespace(object.GetNamespace())
	metadata.SetName(object.GetName())
	metadata.SetUID(object.GetUID())
	metadata.SetLabels(object.GetLabels())
	metadata.SetOwnerReferences(object.GetOwnerReferences())
	metadata.SetGeneration(object.GetGeneration())
	metadata.SetResourceVersion(object.GetResourceVersion())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.written[keyOf(object)] = written{metadata, l.now()}
}

// newest is the cache's metadata, or what was written after it; nil when there is no such object.
func (l *ledger) newest(object client.Object, cached *metav1.PartialObjectMetadata) *metav1.PartialObjectMetadata {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := keyOf(object)
	last, ok := l.written[key]
	if !ok {
		return cached
	}
	shown := cached != nil && !older(cached.ResourceVersion, last.ResourceVersion)
	if shown || cached == nil && l.now().Sub(last.at) >= ledgerTrust {
		delete(l.written, key)
		return cached
	}
	return last.PartialObjectMetadata
}

// waits tells whether there is one of these objects that the cache did not show when it was last looked up.
func (l *ledger) waits(objects []*unstructured.Unstructured) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(objects, func(object *unstructured.Unstructured) bool {
		_, waits := l.written[keyOf(object)]
		return waits
	})
}

// forget is for an object that was deleted, by whomever.
func (l *ledger) forget(object client.Object) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.written, keyOf(object))
}

// wellKnown remembers the version of objects at which they were found well. Losing it costs a request for each.
type wellKnown struct {
	mu       sync.Mutex
	versions map[objectKey]string
}

func newWellKnown() *wellKnown { return &wellKnown{versions: make(map[objectKey]string)} }

func (w *wellKnown) is(object client.Object, version string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.versions[keyOf(object)] == version
}

func (w *wellKnown) note(object client.Object, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.versions[keyOf(object)] = version
}

func (w *wellKnown) forget(object client.Object) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.versions, keyOf(object))
}

// versions remembers the resource version of each tool that was last written.
type versions struct {
	mu     sync.Mutex
	byTool map[string]string
}

// doubtful is in place of a version that is not known: the answer to the write was an error.
const doubtful = ""

func newVersions() *versions { return &versions{byTool: make(map[string]string)} }

// doubt notes that a write failed that may have been done all the same.
func (v *versions) doubt(tool string) { v.set(tool, doubtful) }

// doubted tells whether it is not known what was last written.
func (v *versions) doubted(tool string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	written, ok := v.byTool[tool]
	return ok && written == doubtful
}

// newer tells whether a version was written that is newer than the one that the cache shows.
func (v *versions) newer(tool, cached string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	written, ok := v.byTool[tool]
	if !ok {
		return false
	}
	if older(cached, written) {
		return true
	}
	delete(v.byTool, tool)
	return false
}

func (v *versions) set(tool, version string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.byTool[tool] = version
}

func (v *versions) forget(tool string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	delete(v.byTool, tool)
}

// older compares resource versions: decimal numbers that grow (Kubernetes API concepts, "Resource versions").
func older(a, b string) bool {
	x, errX := strconv.ParseUint(a, 10, 64)
	y, errY := strconv.ParseUint(b, 10, 64)
	return errX == nil && errY == nil && x < y
}
