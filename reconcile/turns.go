package reconcile

import (
	"context"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// turnHandler wakes the tools of the shard whose builds may begin, when a build of any tool has ended or waits no longer.
func (t *Tools) turnHandler() handler.EventHandler {
	return handler.Funcs{
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workQueue) {
			before, ok := e.ObjectOld.(*api.Tool)
			after, both := e.ObjectNew.(*api.Tool)
			if ok && both && left(before, after) {
				t.wakeTurns(ctx, q)
			}
		},
		DeleteFunc: func(ctx context.Context, _ event.DeleteEvent, q workQueue) { t.wakeTurns(ctx, q) },
	}
}

// goneHandler does so when the pod of a build is gone.
func (t *Tools) goneHandler() handler.EventHandler {
	return handler.Funcs{DeleteFunc: func(ctx context.Context, _ event.DeleteEvent, q workQueue) { t.wakeTurns(ctx, q) }}
}

// left tells whether a build of a tool is no longer in the queue as it was.
func left(before, after *api.Tool) bool {
	was, is := places(before), places(after)
	for place := range was {
		if !is[place] {
			return true
		}
	}
	return false
}

// places are a tool's builds in the queue, with whether they run.
func places(tool *api.Tool) map[queue.Build]bool {
	places := make(map[queue.Build]bool)
	if tool.Spec.Suspend || tool.DeletionTimestamp != nil {
		return places
	}
	for _, record := range tool.Status.Builds {
		switch {
		case record.State == api.BuildRunning:
			places[queue.Build{Name: record.Name, Key: record.Key, Held: true}] = true
		case record.State == api.BuildWaiting && record.QueuedAt != nil && record.RetryAt == nil:
			places[queue.Build{Name: record.Name}] = true
		}
	}
	for _, past := range tool.Status.BuildHistory {
		if past.Outcome == api.BuildOutcomeRunning {
			places[queue.Build{Name: past.Name, Key: past.Key, Held: true}] = true
		}
	}
	return places
}

func (t *Tools) wakeTurns(ctx context.Context, q workQueue) {
	var tools api.ToolList
	if err := t.Client.List(ctx, &tools, client.UnsafeDisableDeepCopy); err != nil {
		ctrl.LoggerFrom(ctx).Error(err, "tools could not be listed after the end of a build")
		return
	}
	for _, next := range queue.Of(tools.Items, t.Now()).Turns(t.Config.Builds) {
		if t.Shard.Owns(next.Tool) {
			q.Add(request(next.Tool))
		}
	}
}
