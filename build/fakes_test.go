package build

import (
	"context"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// shelf is a registry with the images in it.
type shelf struct {
	images map[string]registry.Built
	err    error
}

func (s shelf) Built(_ context.Context, reference string) (registry.Built, error) {
	if s.err != nil {
		return registry.Built{}, s.err
	}
	built, ok := s.images[reference]
	if !ok {
		return registry.Built{}, registry.ErrNotFound
	}
	return built, nil
}

type sameLog string

func (l sameLog) Keep(string, string, Attempt) KeptLog {
	if l == "" {
		return KeptLog{Read: true, End: unread + "no log)", Done: true}
	}
	return KeptLog{Read: true, End: string(l), Done: true}
}

// began is when the tests' builds begin; clocks are set by hand.
var began = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// bench has builds run by a PodEngine whose cluster holds pods. What the cache does not show yet, only live reads find.
type bench struct {
	*Builds
	pods  *PodEngine
	t     *testing.T
	now   time.Time
	shelf shelf
	store client.WithWatch
	tools records
	// history is what Step returned last.
	history []api.PastBuild
}

// records are those of other tools.
type records struct {
	client.Reader
	tools *[]api.Tool
}

func (r records) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	list.(*api.ToolList).Items = *r.tools
	return nil
}

func newBench(t *testing.T, pods ...*corev1.Pod) *bench {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := corev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	objects := make([]client.Object, 0, len(pods))
	for _, pod := range pods {
		objects = append(objects, pod)
	}
	b := &bench{t: t, now: began, shelf: shelf{images: make(map[string]registry.Built)}}
	b.store = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithStatusSubresource(&corev1.Pod{}).Build()
	b.tools = records{tools: &[]api.Tool{}}
	b.pods = &PodEngine{Config: testConfig(), Client: b.store, Live: b.store}
	b.Builds = &Builds{
		Config:   testConfig(),
		Engine:   b.pods,
		Tools:    b.tools,
		Registry: &b.shelf,
		Errands:  NewErrands(1, nil),
		Logs:     sameLog("the log\n"),
		Now:      func() time.Time { return b.now },
	}
	b.Errands.Run = func(errand func()) { errand() }
	return b
}

func (b *bench) step(r Request, last *api.Build) api.Build {
	b.t.Helper()
	record, history, err := b.Step(b.t.Context(), r, last, b.history)
	if err != nil {
		b.t.Fatal(err)
	}
	b.history = history
	return record
}

// names are those of the pods in the cluster.
func (b *bench) names() []string {
	b.t.Helper()
	var list corev1.PodList
	if err := b.store.List(b.t.Context(), &list); err != nil {
		b.t.Fatal(err)
	}
	names := []string{}
	for _, pod := range list.Items {
		names = append(names, pod.Name)
	}
	return names
}

// finish has a pod end as another pod, made by podIn, did.
func (b *bench) finish(name string, as *corev1.Pod) {
	b.t.Helper()
	pod := &corev1.Pod{}
	key := client.ObjectKey{Namespace: b.Config.Namespace, Name: name}
	if err := b.store.Get(b.t.Context(), key, pod); err != nil {
		b.t.Fatal(err)
	}
	pod.Status = as.Status
	if err := b.store.Status().Update(b.t.Context(), pod); err != nil {
		b.t.Fatal(err)
	}
}

func attemptPod(t *testing.T, r Request, attempt int) *corev1.Pod {
	t.Helper()
	pod := Pod(testConfig(), r, attempt)
	pod.CreationTimestamp = metav1.NewTime(began)
	pod.Status.Phase = corev1.PodRunning
	return pod
}

// behind is a cache that shows no pod yet.
type behind struct{ client.Client }

func (behind) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func at(seconds int) *metav1.Time {
	return &metav1.Time{Time: began.Add(time.Duration(seconds) * time.Second)}
}
