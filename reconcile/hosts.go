package reconcile

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/policy"
)

// Indexes of the cache: what is looked up in them costs the same however many tools there are.
const (
	// hostIndex finds Tools by the hosts that they are granted.
	hostIndex = "spec.hosts"
	// toolIndex finds objects that are in no namespace by the tool that they are of.
	toolIndex = "metadata.labels.tool"
)

// index is one index of the cache.
type index struct {
	object client.Object
	field  string
	values client.IndexerFunc
}

func indexes() []index {
	return []index{
		{&api.Tool{}, hostIndex, func(object client.Object) []string { return object.(*api.Tool).Spec.Hosts }},
		{watched(volumeKind), toolIndex, func(object client.Object) []string { return []string{object.GetLabels()[api.ToolLabel]} }},
	}
}

func addIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range indexes() {
		if err := indexer.IndexField(ctx, index.object, index.field, index.values); err != nil {
			return fmt.Errorf("index %s of the cache: %w", index.field, err)
		}
	}
	return nil
}

// place is where the tool's objects of a kind are: in its namespace, or in none.
func place(tool *api.Tool, kind schema.GroupVersionKind) client.ListOption {
	if kind == volumeKind {
		return client.MatchingFields{toolIndex: tool.Name}
	}
	return client.InNamespace(tool.TargetNamespace())
}

// owners says which Tool has each of the hosts that a manifest names: of those that are granted it, the oldest. One that is
// being deleted has it until it is gone.
func (t *Tools) owners(ctx context.Context, m *manifest.Manifest) (map[string]string, error) {
	if m.Webservice == nil {
		return nil, nil
	}
	owners := make(map[string]string, len(m.Webservice.Hosts))
	for _, host := range m.Webservice.Hosts {
		granted, err := t.granted(ctx, host)
		if err != nil {
			return nil, err
		}
		if len(granted) > 0 {
			owners[host] = slices.MinFunc(granted, elder).Name
		}
	}
	return owners, nil
}

// granted lists the Tools that are granted a host, as the cache has them: they must not be changed.
func (t *Tools) granted(ctx context.Context, host string) ([]api.Tool, error) {
	var list api.ToolList
	if err := t.Client.List(ctx, &list, client.MatchingFields{hostIndex: host}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the tools that are granted %s: %w", host, err)
	}
	return list.Items, nil
}

func elder(a, b api.Tool) int {
	if !a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	}
	if a.Name < b.Name {
		return -1
	}
	return 1
}

// served are the hosts of a manifest that are the tool's now: that it was deployed with others does not matter.
func (t *Tools) served(ctx context.Context, tool *api.Tool, m *manifest.Manifest) ([]string, error) {
	if m.Webservice == nil || len(m.Webservice.Hosts) == 0 {
		return nil, nil
	}
	owners, err := t.owners(ctx, m)
	if err != nil {
		return nil, err
	}
	return policy.Served(m.Webservice.Hosts, tool.Name, t.Config.Domain, owners), nil
}

// hostHandler wakes the Tools that are granted the same host as one that came, went or was granted others.
func (t *Tools) hostHandler() handler.EventHandler {
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q workQueue) { t.wakeGranted(ctx, q, hostsOf(e.Object)) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q workQueue) { t.wakeGranted(ctx, q, hostsOf(e.Object)) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q workQueue) {
			before, after := hostsOf(e.ObjectOld), hostsOf(e.ObjectNew)
			if !slices.Equal(before, after) {
				t.wakeGranted(ctx, q, slices.Concat(before, after))
			}
		},
	}
}

func hostsOf(object client.Object) []string {
	if tool, ok := object.(*api.Tool); ok {
		return tool.Spec.Hosts
	}
	return nil
}

func (t *Tools) wakeGranted(ctx context.Context, q workQueue, hosts []string) {
	for _, host := range hosts {
		granted, err := t.granted(ctx, host)
		if err != nil {
			ctrl.LoggerFrom(ctx).Error(err, "tools could not be woken after a change of a host")
			continue
		}
		for i := range granted {
			if t.Shard.Owns(granted[i].Name) {
				q.Add(request(granted[i].Name))
			}
		}
	}
}
