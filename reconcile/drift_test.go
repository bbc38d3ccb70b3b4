package reconcile

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// edit changes the webservice's Deployment as somebody.
func (d *daemon) edit(tool *api.Tool, who string, change func(*appsv1.Deployment)) {
	d.t.Helper()
	for {
		deployment := d.deployed(tool, "webservice")
		change(deployment)
		err := d.admin.Update(d.t.Context(), deployment, client.FieldOwner(who))
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "the object has been modified") {
			d.t.Fatal(err)
		}
	}
}

// What was put back is told: which fields, changed by whom.
func TestHealedIsTold(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.edit(tool, "somebody", func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "attacker.example/image" })
	d.until("the edit to be in the status", func() bool { return len(d.status(tool).Healed) == 1 })
	healed := tool.Status.Healed[0]
	if healed.Kind != "Deployment" || healed.Name != "webservice" || healed.Times != 1 ||
		!strings.Contains(healed.What, ".image by somebody") {
		t.Errorf("healed is %+v", healed)
	}
	ingress := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "Ingress"}}
	ingress.Namespace, ingress.Name = tool.TargetNamespace(), "webservice"
	if err := d.admin.Delete(t.Context(), ingress); err != nil {
		t.Fatal(err)
	}
	d.until("the deletion to be in the status", func() bool { return len(d.status(tool).Healed) == 2 })
	if healed := tool.Status.Healed[0]; healed.Kind != "Ingress" || healed.What != "deleted" {
		t.Errorf("healed is %+v", healed)
	}
}

// Labels are put back too, also those by which toolforged knows its objects: changing one is no new generation.
func TestLabelsArePutBack(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	for i, label := range []string{api.ComponentLabel, api.ToolLabel, api.ManagedByLabel} {
		want := d.deployed(tool, "webservice").Labels[label]
		d.edit(tool, "somebody", func(d *appsv1.Deployment) { delete(d.Labels, label) })
		d.until("label "+label+" to be there again", func() bool { return d.deployed(tool, "webservice").Labels[label] == want })
		d.until("that to be told", func() bool {
			healed := d.status(tool).Healed
			return len(healed) == 1 && healed[0].Times == i+1
		})
	}
}

// A field that somebody sets again and again is fought for a few times, and then left and reported.
func TestContested(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	theirs := func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To(int32(7)) }
	for range maxHeals {
		d.edit(tool, "stubborn", theirs)
		d.until("the edit to be undone", func() bool { return *d.deployed(tool, "webservice").Spec.Replicas == 1 })
	}
	d.edit(tool, "stubborn", theirs)
	message := d.untilCondition(tool, api.Applied, "False", api.ReasonContested)
	for _, want := range []string{"Deployment webservice", "5 times", ".spec.replicas by stubborn"} {
		if !strings.Contains(message, want) {
			t.Errorf("message %q does not say %q", message, want)
		}
	}
	d.passes(tool, 2)
	d.wire.take()
	d.passes(tool, 3)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("it is still fought for: %q", writes)
	}
	// A commit that changes the object is applied all the same.
	d.push(tool, "two", "webservice: {replicas: 2}", "tree1")
	d.untilServing(tool, "two")
	if got := *d.deployed(tool, "webservice").Spec.Replicas; got != 2 {
		t.Errorf("%d replicas, want 2", got)
	}
}

// What others add is theirs.
func TestAddedBySomebodyElse(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.edit(tool, "injector", func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers = append(d.Spec.Template.Spec.Containers, corev1.Container{Name: "sidecar", Image: "mesh.example/proxy"})
	})
	d.passes(tool, 3)
	d.push(tool, "two", site, "tree2")
	d.untilServing(tool, "two")
	containers := d.deployed(tool, "webservice").Spec.Template.Spec.Containers
	if len(containers) != 2 || containers[1].Name != "sidecar" {
		t.Errorf("the containers are %v", containers)
	}
	if len(tool.Status.Healed) > 0 {
		t.Errorf("it was taken for drift: %+v", tool.Status.Healed)
	}
}

// Replicas are an autoscaler's where there is one, from the moment it is there, and toolforged's again when it is gone.
func TestAutoscaled(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	const three = "webservice: {replicas: 3}"
	d.push(tool, "one", three, "tree1")
	d.untilServing(tool, "one")
	scaler := &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: tool.TargetNamespace(), Name: "webservice"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "webservice"},
			MaxReplicas:    10,
		},
	}
	if err := d.admin.Create(t.Context(), scaler); err != nil {
		t.Fatal(err)
	}
	d.until("the replicas to be let go", func() bool { return !ownsReplicas(d.deployed(tool, "webservice")) })
	if got := *d.deployed(tool, "webservice").Spec.Replicas; got != 3 {
		t.Errorf("%d replicas when they were let go, want 3 as before", got)
	}
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 6}}
	err := d.admin.SubResource("scale").Update(t.Context(), d.deployed(tool, "webservice"), client.WithSubResourceBody(scale))
	if err != nil {
		t.Fatal(err)
	}
	d.push(tool, "two", three, "tree2")
	d.untilServing(tool, "two")
	d.passes(tool, 2)
	if got := *d.deployed(tool, "webservice").Spec.Replicas; got != 6 {
		t.Errorf("%d replicas, want the autoscaler's 6", got)
	}
	if len(d.status(tool).Healed) > 0 {
		t.Errorf("scaling was taken for drift: %+v", tool.Status.Healed)
	}
	if err := d.admin.Delete(t.Context(), scaler); err != nil {
		t.Fatal(err)
	}
	d.until("the replicas to be the manifest's again", func() bool { return *d.deployed(tool, "webservice").Spec.Replicas == 3 })
}
