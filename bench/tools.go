package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// creators is how many Tools are made at the same time.
const creators = 8

// addTools makes the Tools of the fleet from the one of that number on.
func (s *session) addTools(ctx context.Context, from int) error {
	names := s.fleet.names()[from:]
	var done atomic.Int64
	defer s.out.progress("making Tools", len(names), func() int { return int(done.Load()) })()
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(creators)
	for _, name := range names {
		work.Go(func() error {
			defer done.Add(1)
			return s.addTool(ctx, name)
		})
	}
	return work.Wait()
}

func (s *session) addTool(ctx context.Context, name string) error {
	tool := &api.Tool{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       api.ToolSpec{Repository: "https://git.example/" + name + ".git", Interval: metav1.Duration{Duration: time.Minute}},
	}
	if err := s.server.admin.Create(ctx, tool); err != nil {
		return fmt.Errorf("make a Tool: %w", err)
	}
	return nil
}

// verify looks whether the API server has what the fleet's tools declare, so that no figure is of work that was not done.
func (s *session) verify(ctx context.Context, jobs int) error {
	var deployments appsv1.DeploymentList
	if err := s.server.admin.List(ctx, &deployments); err != nil {
		return fmt.Errorf("list the Deployments: %w", err)
	}
	right := 0
	for i := range deployments.Items {
		tool := deployments.Items[i].Labels[api.ToolLabel]
		if prefixOf(tool) == s.fleet.Prefix && deployments.Items[i].Spec.Template.Spec.Containers[0].Image == image(tool, s.fleet.tree(tool)) {
			right++
		}
	}
	var cronJobs batchv1.CronJobList
	if err := s.server.admin.List(ctx, &cronJobs, client.MatchingLabels{api.ManagedByLabel: api.ManagedBy}); err != nil {
		return fmt.Errorf("list the CronJobs: %w", err)
	}
	found := 0
	for i := range cronJobs.Items {
		if prefixOf(cronJobs.Items[i].Labels[api.ToolLabel]) == s.fleet.Prefix {
			found++
		}
	}
	if right != s.fleet.Size || found != jobs {
		return fmt.Errorf("%d Deployments have the image pushed last, and there are %d CronJobs; want %d and %d",
			right, found, s.fleet.Size, jobs)
	}
	return nil
}
