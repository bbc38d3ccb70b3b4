package reconcile

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/policy"
)

const twoClasses = `
quotaClasses:
  default:
    quota: {limits.memory: 8Gi, pods: 16}
    limits:
      default: {cpu: 500m, memory: 512Mi}
      defaultRequest: {cpu: 150m, memory: 256Mi}
      max: {cpu: "3", memory: 6Gi}
  large:
    quota: {limits.memory: 16Gi, pods: 16}
    limits:
      default: {cpu: 500m, memory: 512Mi}
      defaultRequest: {cpu: 150m, memory: 256Mi}
      max: {cpu: "3", memory: 6Gi}
`

func withPolicy(t *testing.T, yaml string) func(*Tools) {
	t.Helper()
	p, err := policy.Parse([]byte(yaml))
	if err != nil {
		t.Fatal(err)
	}
	return func(tools *Tools) { tools.Config.Policy = p }
}

// Another class changes the objects in which it differs, each by one apply; no classes, and they go.
func TestQuotaClass(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, twoClasses)), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	quota := hardQuota(t, d, tool)
	if memory := quota.Spec.Hard[corev1.ResourceLimitsMemory]; memory.String() != "8Gi" {
		t.Errorf("a tool that names no class has %s of memory", memory.String())
	}
	d.passes(tool, 2)
	d.wire.take()

	setClass(t, d, tool, "large")
	d.until("the other class", func() bool {
		memory := hardQuota(t, d, tool).Spec.Hard[corev1.ResourceLimitsMemory]
		return memory.String() == "16Gi"
	})
	d.passes(tool, 2)
	want := applies(inNamespace(tool, "api/v1", "resourcequotas", "tool"))
	if diff := cmp.Diff(want, objectWrites(d.wire.take())); diff != "" {
		t.Errorf("one apply for each object that changed (-want +got):\n%s", diff)
	}
	d.stop()

	without := startDaemon(t)
	without.push(tool, "one", site, "tree1")
	without.until("the bounds to go", func() bool {
		return !slices.ContainsFunc(without.status(tool).Inventory, func(o api.Object) bool {
			return o.Kind == "ResourceQuota" || o.Kind == "LimitRange"
		})
	})
	want = []string{
		"DELETE /" + inNamespace(tool, "api/v1", "limitranges", "tool"),
		"DELETE /" + inNamespace(tool, "api/v1", "resourcequotas", "tool"),
	}
	if diff := cmp.Diff(want, objectWrites(without.wire.take())); diff != "" {
		t.Errorf("what was written without classes (-want +got):\n%s", diff)
	}
}

// An unknown class is told with those that there are, and what runs is untouched.
func TestQuotaClassUnknown(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, twoClasses)), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.passes(tool, 2)
	d.wire.take()
	setClass(t, d, tool, "huge")
	message := d.untilCondition(tool, api.Applied, "False", api.ReasonQuotaClassUnknown)
	if want := `no quota class "huge"; the platform has: default, large`; !strings.Contains(message, want) {
		t.Errorf("message %q, want %q", message, want)
	}
	d.passes(tool, 2)
	if writes := objectWrites(d.wire.take()); len(writes) > 0 {
		t.Errorf("objects were written: %q", writes)
	}
	setClass(t, d, tool, "default")
	d.untilServing(tool, "one")
}

// A ResourceQuota has no generation, and its status changes with every pod: that must not look like a change by hand.
func TestQuotaDrift(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, twoClasses)), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	d.passes(tool, 2)
	d.wire.take()

	quota := hardQuota(t, d, tool)
	quota.Status.Hard = quota.Spec.Hard
	quota.Status.Used = corev1.ResourceList{corev1.ResourcePods: resource.MustParse("1"), corev1.ResourceLimitsMemory: resource.MustParse("1Gi")}
	if err := d.admin.Status().Update(t.Context(), quota, client.FieldOwner("kube-controller-manager")); err != nil {
		t.Fatal(err)
	}
	d.passes(tool, 3)
	if writes := objectWrites(d.wire.take()); len(writes) > 0 {
		t.Errorf("how much is used changed, and objects were written: %q", writes)
	}

	one := inNamespace(tool, "api/v1", "resourcequotas", "tool")
	for _, test := range []struct {
		name string
		edit func(corev1.ResourceList)
		want []string
	}{
		// What somebody else owns now is refused once, which tells who, and then taken.
		{"raised", func(hard corev1.ResourceList) { hard[corev1.ResourcePods] = resource.MustParse("1000") }, applies(one, one)},
		{"raised again", func(hard corev1.ResourceList) { hard[corev1.ResourcePods] = resource.MustParse("1001") }, applies(one, one)},
		{"lifted", func(hard corev1.ResourceList) { delete(hard, corev1.ResourcePods) }, applies(one)},
	} {
		quota := hardQuota(t, d, tool)
		test.edit(quota.Spec.Hard)
		if err := d.admin.Update(t.Context(), quota, client.FieldOwner("somebody")); err != nil {
			t.Fatal(err)
		}
		d.until("the quota to be put back after it was "+test.name, func() bool {
			pods := hardQuota(t, d, tool).Spec.Hard[corev1.ResourcePods]
			return pods.Value() == 16
		})
		d.passes(tool, 2)
		if diff := cmp.Diff(test.want, objectWrites(d.wire.take())); diff != "" {
			t.Errorf("%s: what puts it back (-want +got):\n%s", test.name, diff)
		}
	}

	if err := d.admin.Delete(t.Context(), hardQuota(t, d, tool)); err != nil {
		t.Fatal(err)
	}
	d.until("the quota to be there again", func() bool {
		return d.admin.Get(t.Context(), client.ObjectKeyFromObject(quota), &corev1.ResourceQuota{}) == nil
	})
}

// A maintainer learns that there was no room for the new version.
func TestQuotaExhausted(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, twoClasses)), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilCondition(tool, api.Healthy, "Unknown", api.ReasonRollingOut)
	var deployment appsv1.Deployment
	key := client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "webservice"}
	if err := d.admin.Get(t.Context(), key, &deployment); err != nil {
		t.Fatal(err)
	}
	const why = `pods "webservice-1" is forbidden: exceeded quota: tool, requested: pods=1, used: pods=16, limited: pods=16`
	deployment.Status.ObservedGeneration = deployment.Generation
	deployment.Status.Conditions = []appsv1.DeploymentCondition{
		{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: why},
	}
	if err := d.admin.Status().Update(t.Context(), &deployment); err != nil {
		t.Fatal(err)
	}
	d.until("the reason in the status", func() bool {
		return strings.Contains(d.untilCondition(tool, api.Healthy, "Unknown", api.ReasonRollingOut), why)
	})
}

func hardQuota(t *testing.T, d *daemon, tool *api.Tool) *corev1.ResourceQuota {
	t.Helper()
	quota := &corev1.ResourceQuota{}
	if err := d.admin.Get(t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "tool"}, quota); err != nil {
		t.Fatal(err)
	}
	return quota
}

func setClass(t *testing.T, d *daemon, tool *api.Tool, class string) {
	t.Helper()
	before := tool.DeepCopy()
	tool.Spec.QuotaClass = class
	if err := d.admin.Patch(t.Context(), tool, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}
