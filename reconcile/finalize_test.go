package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fluxcd/pkg/apis/meta"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// gone tells whether a tool is.
func (d *daemon) gone(tool *api.Tool) bool {
	return apierrors.IsNotFound(d.admin.Get(d.t.Context(), client.ObjectKeyFromObject(tool), &api.Tool{}))
}

// letGo plays the namespace controller, which this API server does not have.
func (d *daemon) letGo(tool *api.Tool) {
	d.t.Helper()
	namespace := &corev1.Namespace{}
	if err := d.admin.Get(d.t.Context(), client.ObjectKey{Name: tool.TargetNamespace()}, namespace); err != nil {
		d.t.Fatal(err)
	}
	namespace.Spec.Finalizers = nil
	if err := d.admin.SubResource("finalize").Update(d.t.Context(), namespace); err != nil {
		d.t.Fatal(err)
	}
}

// A deleted tool's objects go in order, the namespace last, and then the Tool itself.
func TestDeletedInOrder(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", siteAndJobs, "tree1")
	d.untilServing(tool, "one")
	d.wire.take()
	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	message := d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonDeleting)
	if !strings.Contains(message, "namespace "+tool.TargetNamespace()) {
		t.Errorf("message %q does not say what it waits for", message)
	}
	var order []string
	for _, write := range d.wire.take() {
		if path, deleted := strings.CutPrefix(write, "DELETE "); deleted {
			parts := strings.Split(path, "/")
			order = append(order, parts[len(parts)-2])
		}
	}
	want := []string{"ingresses", "cronjobs", "deployments", "deployments", "services", "services", "networkpolicies", "serviceaccounts", "namespaces"}
	if !slices.Equal(order, want) {
		t.Errorf("deleted in the order %v, want %v", order, want)
	}
	if d.gone(tool) {
		t.Error("the Tool went before its namespace")
	}
	d.letGo(tool)
	d.until("the Tool to go", func() bool { return d.gone(tool) })
}

// A tool that never had anything goes at once.
func TestDeletedEmpty(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", "webservice: 7", "tree1")
	d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	d.until("the Tool to go", func() bool { return d.gone(tool) })
}

// A namespace that does not go keeps its Tool for a while, not for ever.
func TestDeletionTimesOut(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	d.untilCondition(tool, meta.ReadyCondition, "Unknown", api.ReasonDeleting)
	d.ahead.Store(int64(deletionDeadline + time.Second))
	d.waker.Wake(tool.Name)
	d.until("the Tool to go", func() bool { return d.gone(tool) })
}

// A namespace that was there is adopted when the Tool says so. It stays when the tool goes, with what others have in it.
func TestAdopted(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: tool.TargetNamespace(), Labels: map[string]string{"team": "them"}}}
	if err := d.admin.Create(t.Context(), namespace, client.FieldOwner("them")); err != nil {
		t.Fatal(err)
	}
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace.Name, Name: "consumer"}}
	theirs.Spec.Ports = []corev1.ServicePort{{Port: 9000}}
	if err := d.admin.Create(t.Context(), theirs, client.FieldOwner("them")); err != nil {
		t.Fatal(err)
	}
	d.push(tool, "one", site, "tree1")
	message := d.untilCondition(tool, api.Applied, "False", api.ReasonNamespaceTaken)
	if !strings.Contains(message, "made by them") {
		t.Errorf("message %q does not say whose it is", message)
	}

	before := tool.DeepCopy()
	tool.Spec.AdoptNamespace = true
	if err := d.admin.Patch(t.Context(), tool, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	d.untilServing(tool, "one")
	// A name that is taken in it is told, and not touched.
	d.push(tool, "two", siteAndJobs, "tree1")
	message = d.untilCondition(tool, api.Applied, "False", api.ReasonObjectTaken)
	if !strings.Contains(message, "Service consumer") || !strings.Contains(message, "made by them") {
		t.Errorf("message %q does not say what is taken and by whom", message)
	}
	d.push(tool, "three", site, "tree1")
	d.untilServing(tool, "three")

	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	d.until("the Tool to go", func() bool { return d.gone(tool) })
	if err := d.admin.Get(t.Context(), client.ObjectKeyFromObject(namespace), namespace); err != nil {
		t.Fatal(err)
	}
	if namespace.DeletionTimestamp != nil || namespace.Labels["team"] != "them" || namespace.Labels[api.ToolLabel] != "" || len(namespace.OwnerReferences) > 0 {
		t.Errorf("the namespace is not as it was: %+v", namespace.ObjectMeta)
	}
	if err := d.admin.Get(t.Context(), client.ObjectKeyFromObject(theirs), theirs); err != nil {
		t.Errorf("their Service: %v", err)
	}
	for _, kind := range Kinds() {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind)
		if err := d.admin.List(t.Context(), list, client.InNamespace(namespace.Name), client.MatchingLabels{api.ToolLabel: tool.Name}); err != nil {
			t.Fatal(err)
		}
		if len(list.Items) > 0 {
			t.Errorf("%d objects of kind %s are left", len(list.Items), kind.Kind)
		}
	}
}
