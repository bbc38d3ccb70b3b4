package status_test

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
)

// cached lists without copying, as the daemon's cache does.
type cached struct {
	client.Reader
	tools []v1alpha1.Tool
}

func (c cached) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*v1alpha1.ToolList).Items = c.tools
	return nil
}

func BenchmarkList(b *testing.B) {
	var c cached
	for _, o := range many(3500) {
		c.tools = append(c.tools, *o.(*v1alpha1.Tool))
	}
	h := status.New(status.Options{Reader: c})
	for _, target := range []string{"/api/v1/tools", "/api/v1/tools?limit=100"} {
		b.Run(target, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := get(h, target); w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
