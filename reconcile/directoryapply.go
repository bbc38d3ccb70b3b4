package reconcile

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/directory"
)

const (
	// directoryOwner is the name under which the fields of Tools are owned that a directory's files say.
	directoryOwner = client.FieldOwner("toolforged-directory")
	// directoryWrites is how many Tools are written at the same time.
	directoryWrites = 4
)

// tally is what was done.
type tally struct {
	mu                     sync.Mutex
	made, changed, removed int
	problems               []api.FileProblem
	failures               []error
}

func (c *tally) add(what *int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*what++
}

func (c *tally) failed(problem *api.FileProblem, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if problem != nil {
		c.problems = append(c.problems, *problem)
		return
	}
	c.failures = append(c.failures, err)
}

// apply writes the Tools that are not as their files say, and deletes those that go. What the API server refuses is a mistake
// of its file; everything else is tried again.
func (d *Directories) apply(ctx context.Context, p *directoryPass) result {
	var c tally
	var writes errgroup.Group
	writes.SetLimit(directoryWrites)
	for _, file := range p.plan.Write {
		writes.Go(func() error { d.write(ctx, p, file, &c); return nil })
	}
	for _, tool := range p.plan.Remove {
		writes.Go(func() error { d.remove(ctx, p, tool, &c); return nil })
	}
	_ = writes.Wait()
	d.told(p, c.made, c.changed, c.removed)
	p.directory.Status.Tools += int32(c.made - c.removed)
	if len(c.problems) > 0 {
		p.plan.Problems = append(p.plan.Problems, c.problems...)
		slices.SortStableFunc(p.plan.Problems, func(a, b api.FileProblem) int { return cmp.Compare(a.File, b.File) })
	}
	switch {
	case len(c.failures) > 0:
		return fail(api.ReasonApplyFailed, fmt.Errorf("%d Tools could not be written or removed, such as: %w", len(c.failures), c.failures[0]))
	case len(p.plan.Waiting) > 0:
		return wait(api.ReasonWaiting, fmt.Sprintf("Tool %s is being deleted, and is made again when it is gone", p.plan.Waiting[0]), 0)
	}
	p.directory.Status.Applied = p.commit
	return ok(fmt.Sprintf("%d Tools are as commit %s lists them", p.directory.Status.Tools, p.commit))
}

// write makes or changes one Tool.
func (d *Directories) write(ctx context.Context, p *directoryPass, file *directory.File, c *tally) {
	live := &api.Tool{}
	err := d.Tools.Live.Get(ctx, client.ObjectKey{Name: file.Tool}, live)
	if client.IgnoreNotFound(err) != nil {
		c.failed(nil, fmt.Errorf("look up Tool %s: %w", file.Tool, err))
		return
	}
	found := err == nil
	if whose := directory.Owner(live); found && whose != p.directory.Name && live.Annotations[api.AllowDirectory] != p.directory.Name && !d.gone(ctx, whose) {
		// The cache did not know it yet.
		problem := file.Taken(p.directory.Name, live)
		c.failed(&problem, nil)
		return
	}
	object, err := p.render(file, live)
	if err == nil {
		err = d.Tools.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), directoryOwner, client.ForceOwnership)
	}
	switch {
	case apierrors.IsInvalid(err):
		problem := refusedFile(file, err)
		c.failed(&problem, nil)
	case err != nil:
		c.failed(nil, fmt.Errorf("write Tool %s: %w", file.Tool, err))
	case found:
		c.add(&c.changed)
	default:
		c.add(&c.made)
	}
}

// gone tells that there is no Directory of a name, which is not empty.
func (d *Directories) gone(ctx context.Context, name string) bool {
	return name != "" && apierrors.IsNotFound(d.Tools.Live.Get(ctx, client.ObjectKey{Name: name}, &api.Directory{}))
}

// render is a Tool as a file has it. Live is the Tool as it is, without a UID when there is none: another one of the same name
// is not written.
func (p *directoryPass) render(file *directory.File, live *api.Tool) (*unstructured.Unstructured, error) {
	var spec map[string]any
	if err := json.Unmarshal([]byte(file.Spec), &spec); err != nil {
		return nil, fmt.Errorf("decode the spec: %w", err)
	}
	object := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	object.SetGroupVersionKind(api.GroupVersion.WithKind("Tool"))
	object.SetName(file.Tool)
	object.SetUID(live.UID)
	object.SetLabels(map[string]string{api.DirectoryLabel: p.directory.Name})
	object.SetAnnotations(map[string]string{api.DirectoryHash: file.Hash})
	return object, nil
}

// refusedFile is what the API server has against a file, where it is.
func refusedFile(file *directory.File, err error) api.FileProblem {
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && len(status.Status().Details.Causes) > 0 {
		cause := status.Status().Details.Causes[0]
		return file.Problem(cause.Field, clip(cause.Field+": "+cause.Message, maxNote))
	}
	return file.Problem("", clip(err.Error(), maxNote))
}

// remove deletes one Tool, if it is still the directory's.
func (d *Directories) remove(ctx context.Context, p *directoryPass, tool *api.Tool, c *tally) {
	live := &api.Tool{}
	err := d.Tools.Live.Get(ctx, client.ObjectKey{Name: tool.Name}, live)
	if err == nil && (live.UID != tool.UID || directory.Owner(live) != p.directory.Name) {
		return
	}
	if err == nil {
		err = d.Tools.Client.Delete(ctx, live, client.Preconditions{UID: &live.UID, ResourceVersion: &live.ResourceVersion})
	}
	switch {
	case err == nil:
		c.add(&c.removed)
	case !apierrors.IsNotFound(err):
		c.failed(nil, fmt.Errorf("remove Tool %s: %w", tool.Name, err))
	}
}
