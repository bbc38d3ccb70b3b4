package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// atTheLimit asks for all of the 8Gi of the default class: 6Gi, and 2Gi while the largest is rolled out.
const atTheLimit = `
webservice: {replicas: 2, memory: 2Gi}
jobs:
  - {name: consumer, continuous: true, process: worker, memory: 2Gi}
`

// What is passed really gets its pods, with the one of a rollout, from the API server's own quota; what is one byte more is
// refused before anything is applied.
func TestPassedAtTheLimitRuns(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, twoClasses)), addTool(t)
	d.push(tool, "over", strings.Replace(atTheLimit, "worker, memory: 2Gi", "worker, memory: 2147483649", 1), "tree1")
	message := d.untilCondition(tool, api.ManifestValid, "False", api.ReasonNotAllowed)
	const want = "line 4, column 65: the file asks for 6442450945 of memory over its processes, and for 2147483649 more while a new `consumer` " +
		"starts beside the old one; the tool may use 8Gi: ask for less, or the administrators for a larger quota class"
	if !strings.Contains(message, want) {
		t.Errorf("message %q, want %q", message, want)
	}
	if problems := d.status(tool).Problems; len(problems) != 1 || problems[0].Line != 4 || problems[0].Column != 65 {
		t.Errorf("problems %+v", problems)
	}
	d.passes(tool, 2)
	if writes := objectWrites(d.wire.take()); !slices.Equal(writes, []string{keysMade}) {
		t.Errorf("objects were written: %q", writes)
	}
	d.passes(tool, 3)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("passes with nothing to do wrote: %q", writes)
	}

	d.push(tool, "exact", atTheLimit, "tree1")
	d.untilServing(tool, "exact")
	d.openQuota(tool)
	var list appsv1.DeploymentList
	if err := d.admin.List(t.Context(), &list, client.InNamespace(tool.TargetNamespace())); err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		for range *list.Items[i].Spec.Replicas {
			if err := d.runPod(&list.Items[i]); err != nil {
				t.Errorf("a pod of what was passed: %v", err)
			}
		}
	}
	if err := d.runPod(&list.Items[0]); err != nil {
		t.Errorf("the pod of a rollout: %v", err)
	}
	if err := d.runPod(&list.Items[0]); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "exceeded quota") {
		t.Errorf("one pod more: %v, want it refused", err)
	}
}

// openQuota does what the controller of quotas does first: without it, the API server lets nothing in.
func (d *daemon) openQuota(tool *api.Tool) {
	d.t.Helper()
	quota := hardQuota(d.t, d, tool)
	quota.Status.Hard, quota.Status.Used = quota.Spec.Hard, corev1.ResourceList{}
	for name := range quota.Spec.Hard {
		quota.Status.Used[name] = resource.MustParse("0")
	}
	if err := d.admin.Status().Update(d.t.Context(), quota); err != nil {
		d.t.Fatal(err)
	}
}

// runPod makes one pod as a Deployment has it.
func (d *daemon) runPod(deployment *appsv1.Deployment) error {
	pod := &corev1.Pod{Spec: deployment.Spec.Template.Spec}
	pod.Namespace, pod.GenerateName, pod.Labels = deployment.Namespace, deployment.Name+"-", deployment.Spec.Template.Labels
	err := d.admin.Create(d.t.Context(), pod)
	if err == nil {
		now := int64(0)
		d.t.Cleanup(func() { _ = d.admin.Delete(d.t.Context(), pod, &client.DeleteOptions{GracePeriodSeconds: &now}) })
	}
	return err
}

// Another class allows what the first does not; what serves goes on meanwhile, and less is allowed again without a push.
func TestAllowedByAnotherClass(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, twoClasses)), addTool(t)
	d.push(tool, "small", site, "tree1")
	d.untilServing(tool, "small")
	const big = "webservice: {replicas: 3, memory: 3Gi}\n"
	d.push(tool, "big", big, "tree2")
	message := d.untilCondition(tool, "Ready", "False", api.ReasonNotAllowed)
	if !strings.Contains(message, "the file asks for 9Gi of memory over its processes, the tool may use 8Gi") ||
		!strings.Contains(message, fmt.Sprintf("commit %.7s keeps serving", commit("small"))) {
		t.Errorf("message %q", message)
	}
	setClass(t, d, tool, "large")
	d.untilServing(tool, "big")
	if problems := d.status(tool).Problems; len(problems) > 0 {
		t.Errorf("problems are left: %v", problems)
	}
}

// A builder that the catalogue does not have is told with those that it has.
func TestBuilderUnknown(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", "build: {builder: tst}\nwebservice: {}\n", "tree1")
	message := d.untilCondition(tool, api.ManifestValid, "False", api.ReasonNotAllowed)
	if want := "line 1, column 18: the platform has no builder \"tst\": did you mean `test`?"; !strings.Contains(message, want) {
		t.Errorf("message %q, want %q", message, want)
	}
}

const withHost = "webservice: {hosts: [www.example.net]}\n"

func (d *daemon) grant(tool *api.Tool, hosts ...string) {
	d.t.Helper()
	before := tool.DeepCopy()
	tool.Spec.Hosts = hosts
	if err := d.admin.Patch(d.t.Context(), tool, client.MergeFrom(before)); err != nil {
		d.t.Fatal(err)
	}
}

func (d *daemon) servedHosts(tool *api.Tool) []string {
	d.t.Helper()
	var ingress networkingv1.Ingress
	if err := d.admin.Get(d.t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "webservice"}, &ingress); err != nil {
		d.t.Fatal(err)
	}
	var hosts []string
	for _, rule := range ingress.Spec.Rules {
		hosts = append(hosts, rule.Host)
	}
	return hosts
}

// A host is the oldest Tool's of those that are granted it, and moves when that one gives it up: each is woken by what
// happens to the other.
func TestHosts(t *testing.T) {
	d := startDaemon(t)
	first, second := addNamedTool(t, "hosts-a"), addNamedTool(t, "hosts-b")
	d.push(first, "a", withHost, "tree1")
	message := d.untilCondition(first, api.ManifestValid, "False", api.ReasonNotAllowed)
	if want := "`www.example.net` is not this tool's: ask the administrators to add it to `spec.hosts` of Tool hosts-a"; !strings.Contains(message, want) {
		t.Errorf("message %q, want %q", message, want)
	}

	d.push(second, "b", withHost, "tree1")
	d.untilCondition(second, api.ManifestValid, "False", api.ReasonNotAllowed)
	d.grant(second, "www.example.net")
	d.untilServing(second, "b")
	if want := []string{"hosts-b.example.org", "www.example.net"}; !slices.Equal(d.servedHosts(second), want) {
		t.Errorf("hosts %v, want %v", d.servedHosts(second), want)
	}

	// The older one is granted it too, and has it from then on. The other goes on under its own name.
	d.grant(first, "www.example.net")
	d.untilServing(first, "a")
	message = d.untilCondition(second, api.ManifestValid, "False", api.ReasonNotAllowed)
	if want := "`www.example.net` belongs to tool hosts-a"; !strings.Contains(message, want) {
		t.Errorf("message %q, want %q", message, want)
	}
	d.until("the host to be taken from the younger tool", func() bool {
		return slices.Equal(d.servedHosts(second), []string{"hosts-b.example.org"})
	})
	if want := []string{"hosts-a.example.org", "www.example.net"}; !slices.Equal(d.servedHosts(first), want) {
		t.Errorf("hosts %v, want %v", d.servedHosts(first), want)
	}

	d.grant(first)
	d.untilCondition(first, api.ManifestValid, "False", api.ReasonNotAllowed)
	d.untilServing(second, "b")
	d.until("the host to be the other tool's again", func() bool {
		return slices.Contains(d.servedHosts(second), "www.example.net") && !slices.Contains(d.servedHosts(first), "www.example.net")
	})
}

// The API server refuses hosts that are none.
func TestHostsRefused(t *testing.T) {
	s := server.start(t)
	for _, hosts := range [][]string{{"WWW.example.org"}, {"*.example.org"}, {"example"}, {"a.example.org", "a.example.org"}, slices.Repeat([]string{"x"}, 21)} {
		tool := &api.Tool{ObjectMeta: metav1.ObjectMeta{Name: "no-hosts"}, Spec: api.ToolSpec{Repository: "https://git.example/a.git", Hosts: hosts}}
		if err := s.admin.Create(t.Context(), tool); !apierrors.IsInvalid(err) {
			t.Errorf("hosts %v: %v, want them refused", hosts, err)
		}
	}
}

const volumesPolicy = `
quotaClasses:
  default: {mounts: true}
  without: {}
volumes:
  - {name: home, mountPath: "/data/${tool}", capacity: 1Gi, source: {hostPath: {path: "/srv/${tool}"}}, env: {HOME: "/data/${tool}"}}
`

// A class that has the volumes gives each of its tools a PersistentVolume and a claim of its own; another class takes them.
func TestVolumes(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, volumesPolicy)), addTool(t)
	d.push(tool, "one", "webservice: {mount: all}\n", "tree1")
	d.untilServing(tool, "one")
	volume, claim := d.volume(t, tool)
	if volume.Spec.HostPath == nil || volume.Spec.HostPath.Path != "/srv/"+tool.Name || volume.Spec.ClaimRef.Namespace != tool.TargetNamespace() ||
		claim.Spec.VolumeName != volume.Name || volume.OwnerReferences[0].UID != tool.UID {
		t.Errorf("volume %+v, claim %+v", volume.Spec, claim.Spec)
	}
	d.passes(tool, 2)
	d.wire.take()
	d.passes(tool, 3)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("a pass with nothing to do wrote: %q", writes)
	}

	// A claim that was deleted comes again, and has its volume again: the volume forgets the one before.
	volume.Spec.ClaimRef.UID = claim.UID
	if err := d.admin.Update(t.Context(), volume, client.FieldOwner("kube-controller-manager")); err != nil {
		t.Fatal(err)
	}
	d.passes(tool, 2)
	if writes := objectWrites(d.wire.take()); len(writes) > 0 {
		t.Errorf("the volume was bound, and objects were written: %q", writes)
	}
	d.destroy(claim)
	d.until("another claim with the volume free for it", func() bool {
		now := &corev1.PersistentVolumeClaim{}
		err := d.admin.Get(t.Context(), client.ObjectKeyFromObject(claim), now)
		if err == nil && now.UID != claim.UID {
			bound, _ := d.volume(t, tool)
			return bound.UID == volume.UID && bound.Spec.ClaimRef.UID == ""
		}
		return false
	})
	d.untilServing(tool, "one")
	d.passes(tool, 2)
	d.wire.take()

	setClass(t, d, tool, "without")
	message := d.untilCondition(tool, api.ManifestValid, "False", api.ReasonNotAllowed)
	if want := "line 1, column 21: the tool may not use the platform's shared volumes"; !strings.Contains(message, want) {
		t.Errorf("message %q, want %q", message, want)
	}
	d.until("the volume to go", func() bool {
		bound := &corev1.PersistentVolume{}
		err := d.admin.Get(t.Context(), client.ObjectKeyFromObject(volume), bound)
		return apierrors.IsNotFound(err) || err == nil && bound.DeletionTimestamp != nil
	})
	want := []string{
		"DELETE /" + inNamespace(tool, "api/v1", "persistentvolumeclaims", "home"),
		"DELETE /api/v1/persistentvolumes/" + volume.Name,
	}
	var deleted []string
	for _, write := range d.wire.take() {
		if strings.HasPrefix(write, "DELETE") {
			deleted = append(deleted, write)
		}
	}
	if diff := cmp.Diff(want, deleted); diff != "" {
		t.Errorf("what was deleted, in order (-want +got):\n%s", diff)
	}
}

// volume is the tool's volume and its claim.
func (d *daemon) volume(t *testing.T, tool *api.Tool) (*corev1.PersistentVolume, *corev1.PersistentVolumeClaim) {
	t.Helper()
	volume, claim := &corev1.PersistentVolume{}, &corev1.PersistentVolumeClaim{}
	if err := d.admin.Get(t.Context(), client.ObjectKey{Name: "tool-" + tool.Name + ".home"}, volume); err != nil {
		t.Fatal(err)
	}
	if err := d.admin.Get(t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "home"}, claim); err != nil {
		t.Fatal(err)
	}
	return volume, claim
}

// destroy deletes an object, and lets it go as the controller of its kind would.
func (d *daemon) destroy(object client.Object) {
	d.t.Helper()
	if err := d.admin.Delete(d.t.Context(), object); err != nil {
		d.t.Fatal(err)
	}
	release := client.RawPatch("application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`))
	if err := client.IgnoreNotFound(d.admin.Patch(d.t.Context(), object, release)); err != nil {
		d.t.Fatal(err)
	}
}

// A daemon that is killed before it can write down that it made a volume finds it again, and a deleted tool leaves none.
func TestVolumesOfADeletedTool(t *testing.T) {
	d, tool := startDaemon(t, withPolicy(t, volumesPolicy)), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilServing(tool, "one")
	volume, _ := d.volume(t, tool)
	before := tool.DeepCopy()
	tool.Status.Inventory = nil
	if err := d.admin.Status().Patch(t.Context(), tool, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
	d.wire.take()
	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	d.untilCondition(tool, "Ready", "Unknown", api.ReasonDeleting)
	var order []string
	for _, write := range d.wire.take() {
		if path, deleted := strings.CutPrefix(write, "DELETE "); deleted {
			parts := strings.Split(path, "/")
			order = append(order, parts[len(parts)-2])
		}
	}
	at := slices.Index(order, "persistentvolumes")
	if at < 1 || order[at-1] != "persistentvolumeclaims" || order[len(order)-1] != "namespaces" {
		t.Errorf("deleted in the order %v, of %s", order, volume.Name)
	}
}
