package platform

import (
	"cmp"
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Declare makes a tool. Without a repository in its spec, it follows that of its name on the git server.
func (p *Platform) Declare(ctx context.Context, name string, spec api.ToolSpec) error {
	spec.Repository = cmp.Or(spec.Repository, p.Git+"/"+name+".git")
	tool := &api.Tool{
		TypeMeta:   metav1.TypeMeta{APIVersion: api.GroupVersion.String(), Kind: "Tool"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       spec,
	}
	err := p.Client.Create(ctx, tool)
	if client.IgnoreAlreadyExists(err) != nil {
		return fmt.Errorf("create tool %s: %w", name, err)
	}
	return nil
}

// Wait watches a tool until it is as wanted, and returns it as it was then. A tool that is gone is nil to wanted.
func (p *Platform) Wait(ctx context.Context, name string, wanted func(*api.Tool) bool) (*api.Tool, error) {
	var last *api.Tool
	for {
		stream, err := p.Client.Watch(ctx, &api.ToolList{}, &client.ListOptions{
			FieldSelector: fields.OneTermEqualSelector("metadata.name", name),
		})
		if err != nil {
			return last, fmt.Errorf("watch tool %s: %w", name, err)
		}
		tool, found := follow(stream, &last, wanted)
		stream.Stop()
		if found {
			return tool, nil
		}
		if ctx.Err() != nil {
			return last, fmt.Errorf("tool %s did not get there in time: %w", name, ctx.Err())
		}
	}
}

// follow reads events until one is as wanted, or the server ends the stream.
func follow(stream watch.Interface, last **api.Tool, wanted func(*api.Tool) bool) (*api.Tool, bool) {
	for event := range stream.ResultChan() {
		tool, ok := event.Object.(*api.Tool)
		if !ok {
			return nil, false
		}
		if event.Type == watch.Deleted {
			tool = nil
		}
		*last = tool
		if wanted(tool) {
			return tool, true
		}
	}
	return nil, false
}

// Delete deletes a tool and waits until its namespace is gone.
func (p *Platform) Delete(ctx context.Context, name string) error {
	tool := &api.Tool{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if err := p.Client.Delete(ctx, tool); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("delete tool %s: %w", name, err)
	}
	return p.Gone(ctx, "v1", "Namespace", "", tool.TargetNamespace())
}
