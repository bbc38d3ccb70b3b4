package reconcile

import (
	"maps"
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func TestNamespaceTaken(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tool.TargetNamespace()}}
	if err := d.admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	before := namespace.ResourceVersion
	d.push(tool, "one", site, "tree1")
	d.untilCondition(tool, api.Applied, "False", api.ReasonNamespaceTaken)
	if writes := objectWrites(d.wire.take()); !slices.Equal(writes, []string{keysMade}) {
		t.Errorf("objects were written: %q", writes)
	}
	if err := d.admin.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace); err != nil {
		t.Fatal(err)
	}
	if namespace.ResourceVersion != before {
		t.Errorf("the namespace was changed: %v", namespace.ObjectMeta)
	}
}

// A name that only looks as if it were the tool's: managed by toolforged, but for another tool.
func TestNamespaceOfAnotherTool(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name:   tool.TargetNamespace(),
		Labels: map[string]string{"app.kubernetes.io/managed-by": "toolforged", "toolforge.org/tool": "another"},
	}}
	if err := d.admin.Create(t.Context(), namespace); err != nil {
		t.Fatal(err)
	}
	d.push(tool, "one", site, "tree1")
	d.untilCondition(tool, api.Applied, "False", api.ReasonNamespaceTaken)
}

func TestObjectTaken(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", "jobs: [{name: hourly, schedule: \"@hourly\", command: ./update}]", "tree1")
	d.untilServing(tool, "one")
	labels := map[string]string{"some": "body"}
	theirs := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: tool.TargetNamespace(), Name: "webservice"},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: maps.Clone(labels)},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "their.example/image"}}},
			},
		},
	}
	if err := d.admin.Create(t.Context(), theirs, client.FieldOwner("somebody")); err != nil {
		t.Fatal(err)
	}
	before := theirs.ResourceVersion
	d.push(tool, "two", site, "tree1")
	d.untilCondition(tool, api.Applied, "False", api.ReasonObjectTaken)
	if err := d.admin.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs); err != nil {
		t.Fatal(err)
	}
	if theirs.ResourceVersion != before {
		t.Errorf("their Deployment was changed: %v", theirs.Spec)
	}
	if serving := d.status(tool).Serving; serving == nil || serving.Commit != commit("one") {
		t.Errorf("serving is %+v, want the first commit still", serving)
	}
}
