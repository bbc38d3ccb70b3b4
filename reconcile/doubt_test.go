package reconcile

import (
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// doubting remembers which tools' images were doubted.
type doubting struct {
	Builds
	mu    sync.Mutex
	tools []string
}

// Doubt implements Builds.
func (b *doubting) Doubt(tool string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tools = append(b.tools, tool)
	return false
}

func (b *doubting) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.tools)
}

// A pod that cannot pull its image, also of what has served for long, has the registry asked whether that is still there; a pod that
// ends does not.
func TestUnpulledImageIsDoubted(t *testing.T) {
	doubts := &doubting{Builds: builds{}}
	d, tool := startDaemon(t, func(t *Tools) { t.Builds = doubts }), addTool(t)
	d.push(tool, "one", "webservice: {}\n", "tree1")
	d.untilServing(tool, "one")

	deployment := d.deployed(tool, "webservice")
	if err := d.runPod(deployment); err != nil {
		t.Fatal(err)
	}
	waits := func(reason string) {
		t.Helper()
		var pods corev1.PodList
		if err := d.admin.List(t.Context(), &pods, client.InNamespace(tool.TargetNamespace())); err != nil {
			t.Fatal(err)
		}
		pod := &pods.Items[0]
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: pod.Spec.Containers[0].Name, State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "of that"},
		}}}
		if err := d.admin.Status().Update(t.Context(), pod); err != nil {
			t.Fatal(err)
		}
		live := &appsv1.Deployment{}
		if err := d.admin.Get(t.Context(), client.ObjectKeyFromObject(deployment), live); err != nil {
			t.Fatal(err)
		}
		live.Status.AvailableReplicas, live.Status.ReadyReplicas, live.Status.UnavailableReplicas = 0, 0, 1
		if err := d.admin.Status().Update(t.Context(), live); err != nil {
			t.Fatal(err)
		}
	}
	waits("CrashLoopBackOff")
	d.passes(tool, 2)
	if n := doubts.count(); n != 0 {
		t.Fatalf("doubted %d times", n)
	}
	waits("ErrImagePull")
	d.waker.Wake(tool.Name)
	d.until("a doubt", func() bool { return doubts.count() > 0 })
}
