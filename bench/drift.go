package main

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// edits is how many hand edits are made, each on another tool.
const edits = 50

// measureDrift edits the image in a Deployment by hand, one tool after the other, and takes the time from the API server's
// having accepted that until it shows the image that belongs there. Rollouts go on meanwhile.
func measureDrift(ctx context.Context, s *session, _ fluxTimes) (err error) {
	end, err := s.play(ctx, none)
	if err != nil {
		return err
	}
	defer joinEnd(&err, end)
	seen, unwatch, err := s.watchDeployments(ctx)
	if err != nil {
		return err
	}
	defer joinEnd(&err, unwatch)
	var took []time.Duration
	n := min(edits, s.fleet.Size)
	for i := range n {
		healed, err := s.edit(ctx, s.fleet.name(i*s.fleet.Size/n), seen)
		if err != nil {
			return err
		}
		took = append(took, healed)
	}
	s.out.figure("drift_heal_ms", milliseconds(percentile(took, 50)), "ms")
	s.out.figure("drift_heal_max_ms", milliseconds(percentile(took, 100)), "ms")
	return s.quiet(ctx)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// sighting is a Deployment as it was shown at a time.
type sighting struct {
	*appsv1.Deployment
	at time.Time
}

// watchDeployments has every change of a Deployment be sent, until its end is called.
func (s *session) watchDeployments(ctx context.Context) (seen <-chan sighting, end func() error, err error) {
	informer, err := s.informers.GetInformer(ctx, &appsv1.Deployment{})
	if err != nil {
		return nil, nil, fmt.Errorf("watch the Deployments: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	sightings := make(chan sighting)
	registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		UpdateFunc: func(_, object any) {
			select {
			case sightings <- sighting{object.(*appsv1.Deployment), time.Now()}:
			case <-ctx.Done():
			}
		},
	})
	if err != nil {
		cancel()
		return nil, nil, fmt.Errorf("watch the Deployments: %w", err)
	}
	return sightings, func() error { cancel(); return informer.RemoveEventHandler(registration) }, nil
}

// edit makes one edit and tells how long it lasted.
func (s *session) edit(ctx context.Context, tool string, seen <-chan sighting) (time.Duration, error) {
	edited := &appsv1.Deployment{}
	edited.Namespace, edited.Name = "tool-"+tool, "webservice"
	patch := `[{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "elsewhere.example/image"}]`
	err := s.server.admin.Patch(ctx, edited, client.RawPatch(types.JSONPatchType, []byte(patch)), client.FieldOwner("somebody"))
	accepted := time.Now()
	if err != nil {
		return 0, fmt.Errorf("edit the Deployment of tool %s: %w", tool, err)
	}
	deadline := time.After(patience)
	for {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-deadline:
			return 0, fmt.Errorf("the edited Deployment of tool %s is not put back", tool)
		case now := <-seen:
			if now.UID == edited.UID && now.Generation > edited.Generation && now.Spec.Template.Spec.Containers[0].Image == image(tool, s.fleet.tree(tool)) {
				return max(now.at.Sub(accepted), 0), nil
			}
		}
	}
}
