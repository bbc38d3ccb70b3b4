package build

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// killPods are the objects of a cluster whose daemon may be killed at each request: a PodEngine's pods, and whatever else it makes.
type killPods struct {
	*cluster
	store client.WithWatch
	// ages are the rounds that each pod has run, caches what builds kept for the next one.
	ages   map[string]int
	caches map[string]bool
}

// killSecrets are an administrator's, and outlive every build.
var killSecrets = []string{"registry", "wiki-repository"}

func newKillPods(c *cluster) *killPods {
	p := &killPods{cluster: c, ages: make(map[string]int), caches: make(map[string]bool)}
	scheme := runtime.NewScheme()
	_ = corev1.AddToScheme(scheme) // never fails
	var secrets []client.Object
	for _, name := range killSecrets {
		secrets = append(secrets, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: testConfig().Namespace, Name: name}})
	}
	p.store = fake.NewClientBuilder().WithScheme(scheme).WithStatusSubresource(&corev1.Pod{}).WithObjects(secrets...).
		WithInterceptorFuncs(interceptor.Funcs{Create: p.create, Patch: p.patch, Delete: p.delete}).Build()
	return p
}

func (p *killPods) create(ctx context.Context, c client.WithWatch, o client.Object, options ...client.CreateOption) error {
	return p.request("create "+kindOf(o), func() error {
		for _, pod := range p.pods() {
			if !finished(&pod) {
				p.t.Errorf("%s begins while %s runs", o.GetName(), pod.Name)
			}
		}
		o.SetCreationTimestamp(metav1.NewTime(p.now()).Rfc3339Copy())
		if err := c.Create(ctx, o, options...); err != nil {
			return err
		}
		if pod, ok := o.(*corev1.Pod); ok {
			p.become(pod.DeepCopy(), podIn(p.t, corev1.PodRunning, succeeded, active))
		}
		return nil
	})
}

func (p *killPods) patch(ctx context.Context, c client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
	return p.request("patch "+kindOf(o), func() error { return c.Patch(ctx, o, patch, options...) })
}

func (p *killPods) delete(ctx context.Context, c client.WithWatch, o client.Object, options ...client.DeleteOption) error {
	return p.request("delete "+kindOf(o), func() error { return c.Delete(ctx, o, options...) })
}

// livePods are asked for by requests; the cache is not.
type livePods struct{ *killPods }

func (l livePods) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	return l.request("get "+kindOf(o), func() error { return l.store.Get(ctx, key, o, options...) })
}

func (l livePods) List(context.Context, client.ObjectList, ...client.ListOption) error {
	return errors.New("not asked for")
}

func (p *killPods) pods() []corev1.Pod {
	var list corev1.PodList
	if err := p.store.List(context.Background(), &list); err != nil {
		p.t.Fatal(err)
	}
	return list.Items
}

// become has the kubelet say of a pod what it says of another.
func (p *killPods) become(pod, as *corev1.Pod) {
	pod.Status = as.Status
	if err := p.store.Status().Update(context.Background(), pod); err != nil {
		p.t.Fatal(err)
	}
}

// end has a pod end; nil: without a word. A build that succeeds leaves its image and its cache in the registry.
func (p *killPods) end(pod, as *corev1.Pod) {
	if as == nil {
		p.erase(pod.Name)
		return
	}
	p.become(pod, as)
	if as.Status.Phase != corev1.PodSucceeded {
		return
	}
	tag := argument(pod, "-image=")
	p.images[tag], p.caches[argument(pod, "-cache=")] = true, true
	if p.pushes[tag]++; p.pushes[tag] > 1 {
		p.t.Errorf("image %s was made %d times", tag, p.pushes[tag])
	}
}

// others do something that is no request of the daemon's.
func (p *killPods) others(do func(context.Context) error) {
	daemons := p.request
	defer func() { p.request = daemons }()
	p.request = func(_ string, effect func() error) error { return effect() }
	if err := do(context.Background()); err != nil {
		p.t.Fatal(err)
	}
}

func (p *killPods) erase(name string) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: testConfig().Namespace, Name: name}}
	p.others(func(ctx context.Context) error { return p.store.Delete(ctx, pod) })
}

// objects are all that are there, by kind and name.
func (p *killPods) objects() []string {
	var found []string
	for _, list := range []client.ObjectList{&corev1.PodList{}, &corev1.SecretList{}, &corev1.ConfigMapList{}, &corev1.PersistentVolumeClaimList{},
		&corev1.ServiceList{}, &corev1.ServiceAccountList{}} {
		if err := p.store.List(context.Background(), list); err != nil {
			p.t.Fatal(err)
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(list)
		if err != nil {
			p.t.Fatal(err)
		}
		items, _ := content["items"].([]any)
		for _, item := range items {
			metadata := item.(map[string]any)["metadata"].(map[string]any)
			found = append(found, fmt.Sprint(strings.TrimSuffix(kindOf(list), "List"), " ", metadata["name"]))
		}
	}
	slices.Sort(found)
	return found
}

func kindOf(o any) string { return strings.TrimPrefix(fmt.Sprintf("%T", o), "*v1.") }

// argument is that of a pod's containers which begins so, without the beginning.
func argument(pod *corev1.Pod, begins string) string {
	for _, container := range containers(pod) {
		for _, arg := range container.Args {
			if value, ok := strings.CutPrefix(arg, begins); ok {
				return value
			}
		}
	}
	return ""
}
