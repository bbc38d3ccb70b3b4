package reconcile

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// informer is what one watch of one kind has told a daemon so far: it lags behind the server, on its own, and never changes
// the order of what it tells. When its watch is lost, what happens meanwhile is not told; it lists again.
type informer struct {
	daemon   *modelDaemon
	kind     schema.GroupVersionKind
	how      decodedAs
	selector labels.Selector
	trim     cache.TransformFunc
	told     map[client.ObjectKey]client.Object
	watches  []modelWatch
	// latest is when the newest event that is under way arrives.
	latest time.Time
	// lost counts the watches that were lost, and so tells an event of one of them.
	lost    int
	waiting bool
}

// modelWatch is what wakes tools.
type modelWatch struct {
	object     client.Object
	handler    handler.TypedEventHandler[client.Object, reconcile.Request]
	predicates []predicate.Predicate
}

// informer is the daemon's of one kind, filled from the server when it is the first time.
func (d *modelDaemon) informer(object client.Object, kind schema.GroupVersionKind, how decodedAs) *informer {
	at := slices.IndexFunc(d.informers, func(i *informer) bool { return i.kind == kind && i.how == how })
	if at >= 0 {
		return d.informers[at]
	}
	i := &informer{daemon: d, kind: kind, how: how, selector: labels.Everything(), told: make(map[client.ObjectKey]client.Object)}
	i.configure()
	d.informers = append(d.informers, i)
	i.list()
	return i
}

// configure takes over the cache's options, as controller-runtime does: by kind.
func (i *informer) configure() {
	options := CacheOptions(nil)
	i.trim = options.DefaultTransform
	for object, by := range options.ByObject {
		if kind, _ := seenAs(object); kind != i.kind {
			continue
		}
		if by.Label != nil {
			i.selector = by.Label
		}
		if by.Transform != nil {
			i.trim = by.Transform
		}
	}
}

// changed is told of each change on the server.
func (i *informer) changed(before, after *stored) {
	object := after
	if object == nil {
		object = before
	}
	if object.id.kind != i.kind || i.waiting {
		return
	}
	w := i.daemon.world
	at := w.clock.now.Add(w.watchDelay())
	if at.Before(i.latest) {
		at = i.latest
	}
	i.latest = at
	lost := i.lost
	w.clock.at(at, func() {
		if !i.daemon.dead && i.lost == lost {
			i.tell(object.id.key, after)
		}
	})
}

// lose has the watch end. After that time, the informer lists again.
func (i *informer) lose(listAfter time.Duration) {
	i.lost++
	i.waiting = true
	lost := i.lost
	i.daemon.world.clock.after(listAfter, func() {
		if i.daemon.dead || i.lost != lost {
			return
		}
		if i.daemon.world.outage {
			i.lose(time.Second)
			return
		}
		i.waiting = false
		i.list()
	})
}

// list tells what is there now, also what was known already, as a reflector does.
func (i *informer) list() {
	there := i.daemon.world.server.list(i.kind, "")
	gone := make(map[client.ObjectKey]bool, len(i.told))
	for key := range i.told {
		gone[key] = true
	}
	for _, object := range there {
		delete(gone, object.id.key)
	}
	for _, key := range sortedKeys(gone) {
		i.tell(key, nil)
	}
	for _, object := range there {
		i.tell(object.id.key, object)
	}
}

// tell is one event; object is nil for one that is gone.
func (i *informer) tell(key client.ObjectKey, object *stored) {
	ctx, queue := context.Background(), i.daemon.queue
	old := i.told[key]
	if object == nil || !i.selector.Matches(labels.Set(object.GetLabels())) {
		if old != nil {
			delete(i.told, key)
			i.each(func(w modelWatch) {
				e := event.DeleteEvent{Object: old}
				if w.pass(func(p predicate.Predicate) bool { return p.Delete(e) }) {
					w.handler.Delete(ctx, e, queue)
				}
			})
		}
		return
	}
	now := i.trimmed(object)
	i.told[key] = now
	i.each(func(w modelWatch) {
		if old == nil {
			e := event.CreateEvent{Object: now}
			if w.pass(func(p predicate.Predicate) bool { return p.Create(e) }) {
				w.handler.Create(ctx, e, queue)
			}
			return
		}
		e := event.UpdateEvent{ObjectOld: old, ObjectNew: now}
		if w.pass(func(p predicate.Predicate) bool { return p.Update(e) }) {
			w.handler.Update(ctx, e, queue)
		}
	})
}

func (i *informer) trimmed(object *stored) client.Object {
	if i.trim == nil {
		return object.as(i.how)
	}
	trimmed, err := i.trim(object.as(i.how).DeepCopyObject())
	if err != nil {
		panic(err)
	}
	return trimmed.(client.Object)
}

func (i *informer) each(tell func(modelWatch)) {
	for _, watch := range i.watches {
		tell(watch)
	}
}

func (w modelWatch) pass(asked func(predicate.Predicate) bool) bool {
	return !slices.ContainsFunc(w.predicates, func(p predicate.Predicate) bool { return !asked(p) })
}

func sortedKeys[V any](of map[client.ObjectKey]V) []client.ObjectKey {
	keys := make([]client.ObjectKey, 0, len(of))
	for key := range of {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, compareKeys)
	return keys
}
