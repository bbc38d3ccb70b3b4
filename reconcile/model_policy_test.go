package reconcile

import (
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/policy"
	"github.com/toolforge/toolforged/reconcile/render"
)

// modelHost is the one host that tools are granted beside their own names.
const modelHost = "www.example.net"

// modelPolicy allows all that the model's manifests ask for, but the one that asks for too much.
var modelPolicy = sync.OnceValue(func() policy.Policy {
	p, err := policy.Parse([]byte(`
quotaClasses:
  default: {quota: {limits.memory: 8Gi}, mounts: true}
volumes:
  - {name: home, mountPath: "/data/${tool}", capacity: 1Gi, source: {hostPath: {path: "/srv/${tool}"}}}
`))
	if err != nil {
		panic(err)
	}
	return p
})

// allowed tells whether a tool may have what a commit asks for, as things are now.
func (w *world) allowed(tool *modelTool, c *modelCommit) bool {
	return !c.manifest.host || w.hostOwner() == tool.name
}

// good tells that the tool's newest commit can be applied, and then comes up.
func (w *world) good(tool *modelTool) bool { return tool.head.good() && w.allowed(tool, tool.head) }

// hostOwner is the oldest Tool of those that are granted the host; "" for none.
func (w *world) hostOwner() string {
	owner := ""
	var since time.Time
	for _, object := range w.server.list(toolKind, "") {
		tool := object.as(asTyped).(*api.Tool)
		if slices.Contains(tool.Spec.Hosts, modelHost) && (owner == "" || tool.CreationTimestamp.Time.Before(since)) {
			owner, since = tool.Name, tool.CreationTimestamp.Time
		}
	}
	return owner
}

func (w *world) hostsOf(tool *modelTool, c *modelCommit) []string {
	if c.manifest.host && w.allowed(tool, c) {
		return []string{modelHost}
	}
	return nil
}

// grant gives a tool the host, or takes it.
func (w *world) grant(tool *modelTool) {
	w.server.update("admin", tool.id(), func(object *unstructured.Unstructured) {
		if hosts, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "hosts"); len(hosts) > 0 {
			unstructured.RemoveNestedField(object.Object, "spec", "hosts")
			return
		}
		set(object, []any{modelHost}, "spec", "hosts")
	})
}

// changeHands has every tool want the host and be granted it, and then the one that has it give it up.
func (w *world) changeHands(*modelTool) {
	for _, tool := range w.tools {
		w.push(tool, w.newCommit(tool, hostManifest, comesUp))
		object := w.server.get(tool.id())
		if object != nil && !slices.Contains(object.as(asTyped).(*api.Tool).Spec.Hosts, modelHost) {
			w.grant(tool)
		}
	}
	w.clock.after(w.between(0, 5*time.Minute), func() {
		if owner := w.hostOwner(); owner != "" {
			w.tracef("%s gives the host up", owner)
			w.grant(w.tool(owner))
		}
	})
}

var claimKind = corev1.SchemeGroupVersion.WithKind("PersistentVolumeClaim")

func claimOf(tool *modelTool) objectID {
	return objectID{claimKind, client.ObjectKey{Namespace: tool.namespace(), Name: "home"}}
}

func volumeOf(tool *modelTool) objectID {
	return objectID{volumeKind, client.ObjectKey{Name: render.PersistentVolumeName(tool.name, "home")}}
}

func (w *world) deleteClaim(tool *modelTool) {
	if w.server.get(claimOf(tool)) != nil {
		w.delete(claimOf(tool))
	}
}

// modelBinder binds volumes to the claims that they are for: once, and to no other claim of that name after it.
type modelBinder struct{ world *world }

func (b modelBinder) changed(_, after *stored) {
	if after == nil || after.id.kind != claimKind && after.id.kind != volumeKind {
		return
	}
	for _, tool := range b.world.tools {
		if claim := claimOf(tool); after.id == claim || after.id == volumeOf(tool) {
			b.world.clock.after(b.world.between(0, 2*time.Second), func() { b.bind(claim, volumeOf(tool)) })
		}
	}
}

func (b modelBinder) bind(claimID, volumeID objectID) {
	claim, volume := b.world.server.get(claimID), b.world.server.get(volumeID)
	if claim == nil || volume == nil || boundTo(volume) != "" {
		return
	}
	b.world.server.update("kube-controller-manager", volumeID, func(object *unstructured.Unstructured) {
		set(object, string(claim.GetUID()), "spec", "claimRef", "uid")
	})
}

// boundTo is the UID of the claim that a volume is bound to; "" for none.
func boundTo(volume *stored) string {
	uid, _, _ := unstructured.NestedString(volume.Object, "spec", "claimRef", "uid")
	return uid
}

// checkVolume: a tool that has anything has its volume, bound to the claim that is there; one that is gone has none.
func (w *world) checkVolume(tool *modelTool) {
	volume, claim := w.server.get(volumeOf(tool)), w.server.get(claimOf(tool))
	if w.server.get(tool.id()) == nil {
		if volume != nil {
			w.failf("%s is gone, and not its %s", tool.name, volume.id)
		}
		return
	}
	if w.status(tool).Serving == nil {
		return
	}
	if volume == nil || claim == nil {
		w.failf("%s has no volume, or no claim to it", tool.name)
	}
	if boundTo(volume) != string(claim.GetUID()) {
		w.failf("%s: the claim waits for its volume, which is another's", tool.name)
	}
}
