package reconcile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// brokenSeeds is how many seeds may pass before one finds what is broken.
const brokenSeeds = 300

// TestSimulationFinds breaks the daemon in one way after the other: for each, a seed must see it, and by the right invariant.
func TestSimulationFinds(t *testing.T) {
	for _, test := range []struct {
		name string
		broken
		want string
	}{
		{"an apply that does nothing", broken{client: appliesBy(skip(serviceKind.Kind))}, "no end of writing"},
		{"an apply with another field", broken{client: appliesBy(exposeMore)}, "has a field of before"},
		{"a second build", broken{client: twoPods}, "two builds of one key run at the same time"},
		{"a registry that forgets", broken{registry: func(build.Registry) build.Registry { return forgetful{} }}, "a second build pushed"},
		{"pruning too much", broken{client: appliesBy(pruneService)}, "which is declared"},
		{"pruning nothing", broken{client: deletesNothing}, "does not declare it"},
		{"deleting what is somebody's", broken{client: appliesBy(deleteTheirs)}, "an object that is not the tool's: delete ConfigMap"},
		{"taking over what is somebody's", broken{live: blind}, "an object that is not the tool's: apply Service"},
		{"an apply each time", broken{client: restless}, "though nothing changed"},
		{"not hearing of Deployments", broken{deaf: deploymentKind.Kind}, "is good and the tool is not ready"},
		{"no end", broken{result: func(reconcile.Result) reconcile.Result { return reconcile.Result{RequeueAfter: time.Millisecond} }}, "no end of reconciling"},
		{"a status that is written again and again", broken{client: talkative}, "writes, more than"},
		{"images that nobody built", broken{client: appliesBy(otherImage)}, "which no build made"},
		{"Deployments that are said to be up", broken{client: optimist, live: optimistLive}, "is said to serve and never came up"},
		{"not hearing what others are granted", broken{deaf: hostIndex}, "is good and the tool is not ready"},
		{"a quota that is not known", broken{config: func(c *Config) { c.Policy.Classes = nil }}, "is said to serve and may not"},
		{"a volume that stays another claim's", broken{client: neverReleases}, "waits for its volume"},
		{"not seeing which runs took place", broken{client: unseeing, live: unseeingLive}, "took place and is said to be missed"},
		{"never looking again by itself", broken{result: func(reconcile.Result) reconcile.Result { return reconcile.Result{} }}, "did not take place, and that is not said"},
		{"pre-deploy jobs that are forgotten", broken{client: forgetsRuns}, "runs a second time for one deployment"},
		{"pre-deploy jobs that are not waited for", broken{client: seesRunsDone}, "while a pre-deploy job of its deployment runs"},
		{"pre-deploy jobs that do not see each other", broken{client: seesNoJobs, live: seesNoJobsLive}, "pre-deploy jobs run at the same time"},
		{"not hearing of Jobs", broken{deaf: jobKind.Kind}, "is said to be under way"},
		{"Secrets that go before their pods", broken{client: appliesBy(pruneSecrets)}, "which pods of"},
		{"a value for everybody", broken{client: appliesBy(tellValue)}, "holds a value of a secret"},
		{"not hearing of Secrets", broken{deaf: secretKind.Kind}, " as data."},
		{"no way back", broken{client: appliesBy(stayDown)}, "has had an image that never comes up"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			seen := make(map[string]int)
			for seed := range uint64(brokenSeeds) {
				_, failure := simulate(seed+1, test.broken)
				if strings.Contains(failure, test.want) {
					t.Logf("found by seed %d: %s", seed+1, failure)
					return
				}
				seen[failure]++
			}
			t.Errorf("no seed of %d says %q; they say %v", brokenSeeds, test.want, seen)
		})
	}
}

// unseeing finds no Jobs, and CronJobs that have never run.
func unseeing(_ *modelDaemon, c client.Client) client.Client { return unseeingClient{c} }

func unseeingLive(_ *modelDaemon, live client.Reader) client.Reader { return unseeingReader{live} }

type unseeingClient struct{ client.Client }

func (c unseeingClient) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return unseeingReader{c.Client}.List(ctx, list, options...)
}

type unseeingReader struct{ client.Reader }

func (r unseeingReader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := r.Reader.Get(ctx, key, object, options...)
	if cronJob, of := object.(*batchv1.CronJob); of {
		cronJob.Status = batchv1.CronJobStatus{}
	}
	return err
}

func (r unseeingReader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	if err := r.Reader.List(ctx, list, options...); err != nil {
		return err
	}
	switch of := list.(type) {
	case *batchv1.JobList:
		of.Items = nil
	case *batchv1.CronJobList:
		for i := range of.Items {
			of.Items[i].Status = batchv1.CronJobStatus{}
		}
	}
	return nil
}

// applier changes how objects are applied.
type applier struct {
	client.Client
	daemon *modelDaemon
	apply  func(a applier, object *unstructured.Unstructured, apply func() error) error
}

func appliesBy(apply func(applier, *unstructured.Unstructured, func() error) error) func(*modelDaemon, client.Client) client.Client {
	return func(d *modelDaemon, c client.Client) client.Client { return applier{c, d, apply} }
}

func (a applier) Apply(ctx context.Context, configuration runtime.ApplyConfiguration, options ...client.ApplyOption) error {
	object := &unstructured.Unstructured{}
	recode(configuration, object)
	return a.apply(a, object, func() error {
		written := object.DeepCopy()
		err := a.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(written), options...)
		recode(written, configuration)
		return err
	})
}

func skip(kind string) func(applier, *unstructured.Unstructured, func() error) error {
	return func(a applier, object *unstructured.Unstructured, apply func() error) error {
		if object.GetKind() == kind && a.daemon.world.calm {
			return nil
		}
		return apply()
	}
}

func exposeMore(_ applier, object *unstructured.Unstructured, apply func() error) error {
	if object.GetKind() == serviceKind.Kind {
		set(object, "NodePort", "spec", "type")
	}
	return apply()
}

func otherImage(_ applier, object *unstructured.Unstructured, apply func() error) error {
	if object.GetKind() == deploymentKind.Kind {
		containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
		containers[0].(map[string]any)["image"] = "registry.example/by-tag:latest"
		set(object, containers, "spec", "template", "spec", "containers")
	}
	return apply()
}

func pruneService(a applier, object *unstructured.Unstructured, apply func() error) error {
	if object.GetKind() == ingressKind.Kind {
		service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: object.GetNamespace(), Name: "webservice"}}
		_ = a.Delete(context.Background(), service)
	}
	return apply()
}

func deleteTheirs(a applier, object *unstructured.Unstructured, apply func() error) error {
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: object.GetNamespace(), Name: "theirs"}}
	_ = a.Delete(context.Background(), theirs)
	return apply()
}

// stayDown loses, once all is calm, what would replace an image that never comes up.
func stayDown(a applier, object *unstructured.Unstructured, apply func() error) error {
	there := a.daemon.world.server.get(idOf(object))
	if object.GetKind() == deploymentKind.Kind && a.daemon.world.calm && there != nil && isSick(a.daemon.world, there) {
		return nil
	}
	return apply()
}

// pruneSecrets deletes what a new Deployment no longer refers to, whatever the old one does.
func pruneSecrets(a applier, object *unstructured.Unstructured, apply func() error) error {
	if object.GetKind() != deploymentKind.Kind {
		return apply()
	}
	for _, secret := range a.daemon.world.server.list(secretKind, object.GetNamespace()) {
		if secret.GetLabels()[api.SecretLabel] == api.SecretRendered && !holds(object.Object, secret.GetName()) {
			_ = a.Delete(context.Background(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.GetNamespace(), Name: secret.GetName()}})
		}
	}
	return apply()
}

// tellValue puts what is in a Secret where it is not in one.
func tellValue(a applier, object *unstructured.Unstructured, apply func() error) error {
	for _, secret := range a.daemon.world.server.list(secretKind, object.GetNamespace()) {
		data, _, _ := unstructured.NestedMap(secret.Object, "data")
		if token, ok := data["API_TOKEN"]; ok && object.GetKind() == deploymentKind.Kind {
			set(object, token, "metadata", "annotations", "token")
		}
	}
	return apply()
}

// changedClient changes other calls than applies.
type changedClient struct {
	client.Client
	get    func(client.Object)
	create func(client.Object) []client.Object
	patch  func(client.Object) bool
	del    func(client.Object) bool
	status func(client.Client, client.Object)
}

func (c changedClient) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := c.Client.Get(ctx, key, object, options...)
	if err == nil && c.get != nil {
		c.get(object)
	}
	return err
}

func (c changedClient) Create(ctx context.Context, object client.Object, options ...client.CreateOption) error {
	if c.create != nil {
		for _, more := range c.create(object) {
			_ = c.Client.Create(ctx, more, options...)
		}
	}
	return c.Client.Create(ctx, object, options...)
}

func (c changedClient) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	if c.patch != nil && !c.patch(object) {
		return nil
	}
	return c.Client.Patch(ctx, object, patch, options...)
}

func (c changedClient) Delete(ctx context.Context, object client.Object, options ...client.DeleteOption) error {
	if c.del != nil && !c.del(object) {
		return nil
	}
	return c.Client.Delete(ctx, object, options...)
}

func (c changedClient) Status() client.SubResourceWriter {
	return changedStatus{c.Client.Status(), c}
}

type changedStatus struct {
	client.SubResourceWriter
	client changedClient
}

func (s changedStatus) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.SubResourcePatchOption) error {
	if s.client.status != nil {
		s.client.status(s.client.Client, object)
	}
	return s.SubResourceWriter.Patch(ctx, object, patch, options...)
}

func twoPods(_ *modelDaemon, c client.Client) client.Client {
	return changedClient{Client: c, create: func(object client.Object) []client.Object {
		second := object.DeepCopyObject().(client.Object)
		second.SetName(object.GetName() + "-again")
		return []client.Object{second}
	}}
}

func deletesNothing(_ *modelDaemon, c client.Client) client.Client {
	return changedClient{Client: c, del: func(object client.Object) bool {
		_, isPod := object.(*corev1.Pod)
		return isPod
	}}
}

// neverReleases does not let a claim have the volume of the one before.
func neverReleases(_ *modelDaemon, c client.Client) client.Client {
	return changedClient{Client: c, patch: func(object client.Object) bool {
		_, isVolume := object.(*corev1.PersistentVolume)
		return !isVolume
	}}
}

// restless takes an Ingress to have been changed by somebody, now and then.
func restless(d *modelDaemon, c client.Client) client.Client {
	looks := 0
	return changedClient{Client: c, get: func(object client.Object) {
		if object.GetObjectKind().GroupVersionKind().Kind != ingressKind.Kind || !d.world.calm {
			return
		}
		if looks++; looks%7 == 0 {
			object.SetGeneration(object.GetGeneration() + 1)
		}
	}}
}

// talkative writes a tool many times whenever its status is written.
func talkative(_ *modelDaemon, c client.Client) client.Client {
	return changedClient{Client: c, status: func(c client.Client, object client.Object) {
		for i := range 20 {
			tool := &api.Tool{ObjectMeta: metav1.ObjectMeta{Name: object.GetName()}}
			before := tool.DeepCopy()
			tool.Annotations = map[string]string{"count": fmt.Sprint(object.GetResourceVersion(), i)}
			_ = c.Patch(context.Background(), tool, client.MergeFrom(before))
		}
	}}
}

// optimist sees every Deployment up.
func optimist(_ *modelDaemon, c client.Client) client.Client {
	return changedClient{Client: c, get: seeUp}
}

func optimistLive(_ *modelDaemon, r client.Reader) client.Reader { return changedReader{r, seeUp} }

type changedReader struct {
	client.Reader
	get func(client.Object)
}

func (r changedReader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := r.Reader.Get(ctx, key, object, options...)
	if err == nil {
		r.get(object)
	}
	return err
}

func seeUp(object client.Object) {
	kind, how := seenAs(object)
	if kind != deploymentKind || how == asMetadata {
		return
	}
	content := encode(object)
	up := &unstructured.Unstructured{Object: content}
	status := upStatus(up)
	set(up, status, "status")
	if how == asUnstructured {
		object.(*unstructured.Unstructured).Object = content
		return
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, object); err != nil {
		panic(err)
	}
}

func upStatus(deployment *unstructured.Unstructured) map[string]any {
	replicas, _, _ := unstructured.NestedInt64(deployment.Object, "spec", "replicas")
	return map[string]any{
		"observedGeneration": deployment.GetGeneration(),
		"replicas":           replicas, "updatedReplicas": replicas, "readyReplicas": replicas, "availableReplicas": replicas,
		"conditions": []any{
			condition("Available", "True", "MinimumReplicasAvailable"),
			condition("Progressing", "True", "NewReplicaSetAvailable"),
		},
	}
}

// blind finds nothing of what is not the tools'.
func blind(_ *modelDaemon, r client.Reader) client.Reader { return blindReader{r} }

type blindReader struct{ client.Reader }

func (r blindReader) Get(ctx context.Context, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	err := r.Reader.Get(ctx, key, object, options...)
	if kind, _ := seenAs(object); err == nil && kind == serviceKind && object.GetLabels()[api.ToolLabel] == "" {
		return notFound(objectID{kind, key})
	}
	return err
}

// forgetful is a registry that never has anything.
type forgetful struct{}

func (forgetful) Built(context.Context, string) (registry.Built, error) {
	return registry.Built{}, registry.ErrNotFound
}

// forgetsRuns names each Job anew, and does not know that it was started.
func forgetsRuns(_ *modelDaemon, c client.Client) client.Client {
	jobs := 0
	return changedClient{Client: c, create: func(object client.Object) []client.Object {
		if kind, _ := seenAs(object); kind == jobKind {
			jobs++
			object.SetName(fmt.Sprintf("%s-%d", object.GetName(), jobs))
		}
		return nil
	}, get: func(object client.Object) {
		eachRun(object, func(run *api.PreDeployRun) { run.State = api.PreDeployWaiting })
	}}
}

// seesRunsDone takes each pre-deploy job that was started to have succeeded.
func seesRunsDone(_ *modelDaemon, c client.Client) client.Client {
	return changedClient{Client: c, get: func(object client.Object) {
		eachRun(object, func(run *api.PreDeployRun) {
			if run.State == api.PreDeployRunning {
				run.State = api.PreDeploySucceeded
			}
		})
	}}
}

func eachRun(object client.Object, change func(*api.PreDeployRun)) {
	tool, isTool := object.(*api.Tool)
	if !isTool || tool.Status.Deploying == nil {
		return
	}
	for i := range tool.Status.History[0].PreDeploy {
		change(&tool.Status.History[0].PreDeploy[i])
	}
}

// seesNoJobs lists none that has not ended, and so does not know of those of older deployments.
func seesNoJobs(_ *modelDaemon, c client.Client) client.Client { return joblessClient{c} }

func seesNoJobsLive(_ *modelDaemon, r client.Reader) client.Reader { return joblessReader{r} }

type joblessClient struct{ client.Client }

func (c joblessClient) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	return joblessReader{c.Client}.List(ctx, list, options...)
}

type joblessReader struct{ client.Reader }

func (r joblessReader) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	err := r.Reader.List(ctx, list, options...)
	if jobs, ok := list.(*batchv1.JobList); ok {
		jobs.Items = slices.DeleteFunc(jobs.Items, func(job batchv1.Job) bool { return jobEnd(&job) == nil })
	}
	return err
}
