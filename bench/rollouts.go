package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// rollouts plays the Deployment controller and everything behind it: a Deployment that changed is up at once, or never.
type rollouts struct {
	informers cache.Cache
	client    client.Client
	// broken tells of which tools no rollout becomes healthy.
	broken func(tool string) bool
}

// players is how many Deployments are seen to at the same time.
const players = 8

// play begins to play, also for what changed before, until it is stopped.
func (r rollouts) play(ctx context.Context) (stop func() error, err error) {
	informer, err := r.informers.GetInformer(ctx, &appsv1.Deployment{})
	if err != nil {
		return nil, fmt.Errorf("watch the Deployments: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	work, ctx := errgroup.WithContext(ctx)
	work.SetLimit(players)
	events := make(chan *appsv1.Deployment)
	handle := func(object any) {
		select {
		case events <- object.(*appsv1.Deployment):
		case <-ctx.Done():
		}
	}
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    handle,
		UpdateFunc: func(_, object any) { handle(object) },
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("watch the Deployments: %w", err)
	}
	for range players {
		work.Go(func() error { return r.see(ctx, events) })
	}
	return func() error {
		cancel()
		return errors.Join(work.Wait(), informer.RemoveEventHandler(registration))
	}, nil
}

func (r rollouts) see(ctx context.Context, events <-chan *appsv1.Deployment) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case deployment := <-events:
			if err := r.rollOut(ctx, deployment); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}

// rollOut writes what becomes of a Deployment's newest generation.
func (r rollouts) rollOut(ctx context.Context, deployment *appsv1.Deployment) error {
	if deployment.Status.ObservedGeneration == deployment.Generation {
		return nil
	}
	status := up(deployment)
	if r.broken(deployment.Labels[api.ToolLabel]) {
		status = stuck(deployment)
	}
	// Whole: by a merge patch, what is left out would stay as it was.
	patch, err := json.Marshal([]map[string]any{{"op": "add", "path": "/status", "value": status}})
	if err != nil {
		return fmt.Errorf("encode the status of a Deployment: %w", err)
	}
	target := &appsv1.Deployment{}
	target.Namespace, target.Name = deployment.Namespace, deployment.Name
	if err := r.client.Status().Patch(ctx, target, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("write the status of the Deployment in %s: %w", deployment.Namespace, err)
	}
	return nil
}

// up is what the Deployment controller writes when the rollout is done.
func up(deployment *appsv1.Deployment) appsv1.DeploymentStatus {
	replicas := *deployment.Spec.Replicas
	return appsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation,
		Replicas:           replicas, UpdatedReplicas: replicas, ReadyReplicas: replicas, AvailableReplicas: replicas,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "NewReplicaSetAvailable"},
		},
	}
}

// stuck is what it writes when the new pods do not become ready and their time is not over.
func stuck(deployment *appsv1.Deployment) appsv1.DeploymentStatus {
	replicas := *deployment.Spec.Replicas
	return appsv1.DeploymentStatus{
		ObservedGeneration: deployment.Generation,
		Replicas:           replicas, UpdatedReplicas: replicas, UnavailableReplicas: replicas,
		Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionFalse, Reason: "MinimumReplicasUnavailable"},
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated"},
		},
	}
}
