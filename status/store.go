package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/v1alpha1"
)

// errNotFound: there is no resource of that name.
var errNotFound = errors.New("not found")

// store reads the resources and answers in this package's types.
type store struct {
	reader client.Reader
	pods   *pods
	now    func() time.Time
	// logs tells whether the output of jobs is shown.
	logs  bool
	refer references
}

// uncopied lists the cache's own objects: nothing here changes one, and a copy of every tool for every request is dear.
const uncopied = client.UnsafeDisableDeepCopy

// tools returns the tools that match the filter, sorted by name.
func (s store) tools(ctx context.Context, filter string) ([]ToolSummary, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var list v1alpha1.ToolList
	if err := s.reader.List(ctx, &list, uncopied); err != nil {
		return nil, fmt.Errorf("listing tools: %w", err)
	}
	filter = strings.ToLower(filter)
	tools := make([]ToolSummary, 0, len(list.Items))
	for i := range list.Items {
		if t := summarise(&list.Items[i]); t.matches(filter) {
			tools = append(tools, t)
		}
	}
	slices.SortFunc(tools, func(a, b ToolSummary) int { return cmp.Compare(a.Name, b.Name) })
	return tools, nil
}

// matches reports whether the filter, in lower case, is part of the tool's name, reason, message or commits.
func (t ToolSummary) matches(filter string) bool {
	return filter == "" || slices.ContainsFunc(
		[]string{t.Name, t.Reason, t.Message, t.SeenCommit, t.ServingCommit},
		func(s string) bool { return strings.Contains(strings.ToLower(s), filter) })
}

// toolName is what the Tool resource allows; anything else need not be looked for.
var toolName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$`)

// tool returns one tool; the error is errNotFound when there is none.
func (s store) tool(ctx context.Context, name string) (Tool, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	resource, err := s.resource(ctx, name)
	if err != nil {
		return Tool{}, err
	}
	tool := describe(resource)
	s.refer.link(tool.Problems)
	if tool.Conversion != nil {
		s.refer.link(tool.Conversion.Notes)
	}
	if err := s.placeBuilds(ctx, &tool); err != nil {
		return tool, err
	}
	tool.Jobs, err = s.jobsOf(ctx, resource)
	return tool, err
}

func (s store) resource(ctx context.Context, name string) (*v1alpha1.Tool, error) {
	if !toolName.MatchString(name) {
		return nil, errNotFound
	}
	tool := &v1alpha1.Tool{}
	err := s.reader.Get(ctx, client.ObjectKey{Name: name}, tool)
	switch {
	case apierrors.IsNotFound(err):
		return nil, errNotFound
	case err != nil:
		return nil, fmt.Errorf("reading tool %s: %w", name, err)
	}
	return tool, nil
}

// builders returns the catalogue, sorted by name.
func (s store) builders(ctx context.Context) ([]Builder, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var list v1alpha1.BuilderList
	if err := s.reader.List(ctx, &list, uncopied); err != nil {
		return nil, fmt.Errorf("listing builders: %w", err)
	}
	builders := make([]Builder, 0, len(list.Items))
	for i := range list.Items {
		builders = append(builders, describeBuilder(&list.Items[i]))
	}
	slices.SortFunc(builders, func(a, b Builder) int { return cmp.Compare(a.Name, b.Name) })
	return builders, nil
}
