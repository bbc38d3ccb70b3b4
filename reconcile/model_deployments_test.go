package reconcile

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// modelRollouts is the controller of Deployments, with the pods it makes: they come up or they do not, as their image has it.
type modelRollouts struct {
	world *world
	byUID map[types.UID]*rollout
}

// rollout is one Deployment's.
type rollout struct {
	id  objectID
	uid types.UID
	// generation is the one that was observed.
	generation int64
	// template is what is rolled out, up the last one whose pods all came up.
	template, up any
	// began is when the template was first seen; number tells the timers of one template from those of another.
	began  time.Time
	number int
	// late tells that the deadline passed, down that pods that were up are not at the moment.
	late, down bool
}

func newModelRollouts(w *world) *modelRollouts {
	return &modelRollouts{world: w, byUID: make(map[types.UID]*rollout)}
}

func (r *modelRollouts) changed(_, after *stored) {
	if after == nil || after.id.kind != deploymentKind || observed(after) == after.GetGeneration() {
		return
	}
	uid := after.GetUID()
	if r.byUID[uid] == nil {
		r.byUID[uid] = &rollout{id: after.id, uid: uid}
	}
	r.world.clock.after(r.world.between(100*time.Millisecond, 2*time.Second), func() { r.observe(r.byUID[uid]) })
}

func observed(deployment *stored) int64 {
	generation, _, _ := unstructured.NestedInt64(deployment.Object, "status", "observedGeneration")
	return generation
}

// observe takes in a changed Deployment.
func (r *modelRollouts) observe(o *rollout) {
	live := r.live(o)
	if live == nil || observed(live) == live.GetGeneration() {
		return
	}
	spec := live.Object["spec"].(map[string]any)
	if !equalJSON(o.template, spec["template"]) {
		o.template, o.began, o.late = spec["template"], r.world.clock.now, false
		o.number++
		r.start(o, spec)
	}
	o.generation = live.GetGeneration()
	r.report(o)
}

// start sets the timers of a new template.
func (r *modelRollouts) start(o *rollout, spec map[string]any) {
	w, number := r.world, o.number
	timer := func(after time.Duration, happen func()) {
		w.clock.after(after, func() {
			if o.number == number && r.live(o) != nil {
				happen()
				r.report(o)
			}
		})
	}
	template := o.template
	up := func() { o.up, o.late = template, false }
	seconds, _ := spec["progressDeadlineSeconds"].(int64)
	switch fate := w.images.fate(imageIn(spec)); {
	case equalJSON(o.up, template):
		// Its pods never went away.
	case fate == comesUp:
		timer(w.between(2*time.Second, time.Minute), up)
	case fate == comesUpLate:
		timer(w.between(2*time.Minute, 4*time.Minute), up)
	default:
		timer(time.Duration(seconds)*time.Second, func() { o.late = true })
	}
}

// imageIn is the image of a workload's only container.
func imageIn(spec map[string]any) string {
	containers, _, _ := unstructured.NestedSlice(spec, "template", "spec", "containers")
	if len(containers) == 0 {
		return ""
	}
	image, _ := containers[0].(map[string]any)["image"].(string)
	return image
}

func (r *modelRollouts) live(o *rollout) *stored {
	live := r.world.server.get(o.id)
	if live == nil || live.GetUID() != o.uid {
		return nil
	}
	return live
}

// report writes the status.
func (r *modelRollouts) report(o *rollout) {
	live := r.live(o)
	replicas, found, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
	if !found {
		replicas = 1
	}
	// A Deployment with no replicas is up whatever its image.
	complete := equalJSON(o.up, o.template) || replicas == 0
	old := int64(0)
	if o.up != nil {
		old = replicas
	}
	status := map[string]any{"observedGeneration": o.generation}
	progressing := condition("Progressing", "True", "ReplicaSetUpdated")
	ready := old
	switch {
	case complete:
		progressing = condition("Progressing", "True", "NewReplicaSetAvailable")
		ready = replicas
		status["replicas"], status["updatedReplicas"] = replicas, replicas
	case o.late:
		progressing = condition("Progressing", "False", "ProgressDeadlineExceeded")
		fallthrough
	default:
		status["replicas"], status["updatedReplicas"], status["unavailableReplicas"] = old+1, int64(1), int64(1)
	}
	if o.down {
		ready = 0
	}
	available := condition("Available", "True", "MinimumReplicasAvailable")
	if ready < replicas {
		available = condition("Available", "False", "MinimumReplicasUnavailable")
	}
	if ready > 0 {
		status["readyReplicas"], status["availableReplicas"] = ready, ready
	}
	status["conditions"] = []any{available, progressing}
	r.world.server.updateStatus(o.id, status)
}

func condition(kind, status, reason string) map[string]any {
	return map[string]any{"type": kind, "status": status, "reason": reason, "message": reason}
}

// shake has the pods of a Deployment that is up go away for a while, as with their node.
func (r *modelRollouts) shake(deployment *stored) {
	o := r.byUID[deployment.GetUID()]
	if o == nil || o.down || o.template == nil {
		return
	}
	o.down = true
	r.report(o)
	r.world.clock.after(r.world.between(5*time.Second, time.Minute), func() {
		o.down = false
		if r.live(o) != nil {
			r.report(o)
		}
	})
}
