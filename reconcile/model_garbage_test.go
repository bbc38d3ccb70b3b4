package reconcile

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// modelGarbage ends namespaces, and deletes what has owners of which none is left.
type modelGarbage struct{ world *world }

func (g *modelGarbage) changed(before, after *stored) {
	switch {
	case after == nil:
		g.orphan(before)
	case after.id.kind == namespaceKind && after.GetDeletionTimestamp() != nil && (before == nil || before.GetDeletionTimestamp() == nil):
		g.world.clock.after(g.world.between(time.Second, 10*time.Second), func() { g.end(after) })
	case len(after.GetOwnerReferences()) > 0 && before == nil:
		g.later(after)
	}
}

// end has a namespace gone, and everything in it before.
func (g *modelGarbage) end(namespace *stored) {
	server := g.world.server
	for _, object := range server.in(namespace.GetName()) {
		if object.id.kind == jobKind {
			g.world.jobs.spoil(object)
		}
		server.erase(object.id)
	}
	server.erase(namespace.id)
}

// orphan looks at what an object owned that is gone.
func (g *modelGarbage) orphan(owner *stored) {
	for _, kind := range []schema.GroupVersionKind{namespaceKind, podKind, volumeKind, jobKind, secretKind} {
		for _, object := range g.world.server.list(kind, "") {
			for _, reference := range object.GetOwnerReferences() {
				if reference.UID == owner.GetUID() {
					g.later(object)
				}
			}
		}
	}
}

func (g *modelGarbage) later(object *stored) {
	g.world.clock.after(g.world.between(time.Second, 10*time.Second), func() { g.collect(object) })
}

func (g *modelGarbage) collect(object *stored) {
	server := g.world.server
	live := server.get(object.id)
	if live == nil || live.GetUID() != object.GetUID() || len(live.GetOwnerReferences()) == 0 {
		return
	}
	for _, reference := range live.GetOwnerReferences() {
		kind := schema.FromAPIVersionAndKind(reference.APIVersion, reference.Kind)
		owner := server.get(objectID{kind, client.ObjectKey{Namespace: ownersNamespace(kind, live), Name: reference.Name}})
		if owner != nil && owner.GetUID() == reference.UID {
			return
		}
	}
	g.world.tracef("garbage: %s", live.id)
	if err := server.remove(live.id, nil); err != nil {
		panic(err)
	}
}

// ownersNamespace is that of the object, but for owners that have none.
func ownersNamespace(owner schema.GroupVersionKind, object *stored) string {
	if owner == toolKind || owner == namespaceKind {
		return ""
	}
	return object.GetNamespace()
}
