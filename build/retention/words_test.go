package retention

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func TestWords(t *testing.T) {
	w := words{}
	w.add([]byte(`{"image": "registry.example/tool-wiki/main@` + digest('a') + `", "x": "` + key('b') + `", "tag": "main:` + key('c') + `-12"}`))
	w.add([]byte(key('d') + "d " + key('e')[:31] + " x" + key('f') + " " + strings.ToUpper(key('a'))))
	want := words{digest('a')[7:]: true, key('b'): true, key('c'): true}
	if diff := cmp.Diff(want, w); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// An image is named by a pod, by a ReplicaSet that was scaled down, by a Job or a CronJob, by a kind that tools bring, by the catalogue;
// not by what is in another namespace.
func TestNamedByObjects(t *testing.T) {
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := api.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	template := func(n byte) corev1.PodSpec {
		return corev1.PodSpec{Containers: []corev1.Container{{Image: "registry.example/tool-wiki/main@" + digest(n)}}}
	}
	meta := func(namespace string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: namespace, Name: "x"} }
	objects := []client.Object{
		&corev1.Pod{ObjectMeta: meta("tool-wiki"), Spec: template('1')},
		&appsv1.ReplicaSet{ObjectMeta: meta("tool-wiki"), Spec: appsv1.ReplicaSetSpec{Template: corev1.PodTemplateSpec{Spec: template('2')}}},
		&batchv1.Job{ObjectMeta: meta("tool-wiki"), Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: template('3')}}},
		&batchv1.CronJob{ObjectMeta: meta("tool-wiki"), Spec: batchv1.CronJobSpec{JobTemplate: batchv1.JobTemplateSpec{
			Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: template('4')}}}}},
		&appsv1.StatefulSet{ObjectMeta: meta("tool-wiki"), Spec: appsv1.StatefulSetSpec{Template: corev1.PodTemplateSpec{Spec: template('5')}}},
		&api.CatalogImage{ObjectMeta: metav1.ObjectMeta{Name: "x"}, Status: api.CatalogImageStatus{Image: "x@" + digest('6')}},
		&corev1.Pod{ObjectMeta: meta("tool-other"), Spec: template('7')},
	}
	store := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	named, err := Objects{Live: store, Catalog: store, Kinds: []schema.GroupVersionKind{
		{Group: "apps", Version: "v1", Kind: "StatefulSet"}, {Group: "apps", Version: "v1", Kind: "Deployment"},
	}}.named(t.Context(), "wiki")
	if err != nil {
		t.Fatal(err)
	}
	want := words{}
	for n := range 6 {
		want[strings.Repeat(fmt.Sprint(n+1), 64)] = true
	}
	if diff := cmp.Diff(want, named); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
