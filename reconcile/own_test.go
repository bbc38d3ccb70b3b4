package reconcile

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/policy"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/sources"
)

var ownPolicy = policy.Policy{Kinds: []policy.Kind{
	{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}},
	{GroupVersionKind: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "StatefulSet"}},
	{GroupVersionKind: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}},
	{GroupVersionKind: schema.GroupVersionKind{Version: "v1", Kind: "PersistentVolumeClaim"}},
}}

// withOwn lets tools bring Kubernetes objects, with the rights that the administrator gives for them: those of all its kinds
// but the last.
func withOwn(t *testing.T) func(*Tools) {
	t.Helper()
	s := server.start(t)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: render.OwnRole}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"*"}},
		{APIGroups: []string{"apps"}, Resources: []string{"statefulsets", "deployments"}, Verbs: []string{"*"}},
	}}
	if err := s.admin.Create(t.Context(), role); client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
	return func(tools *Tools) {
		tools.Config.Policy = ownPolicy
		tools.Own = func(namespace, account string) (client.Client, error) {
			config := rest.CopyConfig(s.config)
			config.QPS = -1
			config.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + account}
			return client.New(config, client.Options{Scheme: scheme(), Mapper: tools.Client.RESTMapper()})
		}
	}
}

// pushOwn has the poller see a commit with these Kubernetes objects.
func (d *daemon) pushOwn(tool *api.Tool, name, yaml, objects string) {
	d.t.Helper()
	r := revision(yaml, "tree")
	own, wrong := parseOwn([]byte(objects))
	if len(wrong) > 0 {
		d.t.Fatal(wrong)
	}
	r.Own = own
	d.show(tool, sources.Observation[Revision]{Commit: commit(name), Seen: commit(name), Value: r})
}

const (
	ownYAML     = "kubernetes: {path: k8s}"
	ownSettings = `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {mine: "yes"}}
data: {level: low}
`
	ownStore = `
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store}
spec:
  serviceName: store
  selector: {matchLabels: {app: store}}
  template:
    metadata: {labels: {app: store}}
    spec: {containers: [{name: store, image: registry.example/store}]}
`
)

func (d *daemon) settings(tool *api.Tool) (*corev1.ConfigMap, error) {
	settings := &corev1.ConfigMap{}
	err := d.admin.Get(d.t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "settings"}, settings)
	return settings, err
}

// A tool's own Kubernetes objects are applied by its own service account, healed, followed, and pruned.
func TestOwnObjects(t *testing.T) {
	d, tool := startDaemon(t, withOwn(t)), addTool(t)
	d.pushOwn(tool, "one", ownYAML, ownSettings+ownStore)
	d.until("the StatefulSet to be waited for", func() bool {
		message := d.untilCondition(tool, api.Healthy, metav1.ConditionUnknown, api.ReasonRollingOut)
		return strings.Contains(message, "StatefulSet store")
	})
	store := &appsv1.StatefulSet{}
	if err := d.admin.Get(t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "store"}, store); err != nil {
		t.Fatal(err)
	}
	store.Status = appsv1.StatefulSetStatus{ObservedGeneration: store.Generation, Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
		CurrentReplicas: 1, UpdatedReplicas: 1, CurrentRevision: "a", UpdateRevision: "a"}
	if err := d.admin.Status().Update(t.Context(), store); err != nil {
		t.Fatal(err)
	}
	d.untilServing(tool, "one")
	settings, err := d.settings(tool)
	if err != nil || settings.Data["level"] != "low" || settings.Labels["mine"] != "yes" || settings.Labels[api.ToolLabel] != tool.Name {
		t.Errorf("the ConfigMap is %+v, %v", settings, err)
	}
	d.passes(tool, 2)
	d.wire.take()
	d.passes(tool, 2)
	if calls := d.wire.take(); len(calls) > 0 {
		t.Errorf("a walk without news costs %q", calls)
	}

	settings.Data["level"] = "high"
	if err := d.admin.Update(t.Context(), settings); err != nil {
		t.Fatal(err)
	}
	d.until("the drift to be healed", func() bool { s, err := d.settings(tool); return err == nil && s.Data["level"] == "low" })

	d.push(tool, "two", site, "tree")
	d.untilServing(tool, "two")
	if _, err := d.settings(tool); !apierrors.IsNotFound(err) {
		t.Errorf("the ConfigMap was not pruned: %v", err)
	}
	binding := &rbacv1.RoleBinding{}
	if err := d.admin.Get(t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: render.OwnName}, binding); !apierrors.IsNotFound(err) {
		t.Errorf("the rights were not taken away: %v", err)
	}
}

// What the API server refuses leaves everything as it was.
func TestOwnObjectRefused(t *testing.T) {
	d, tool := startDaemon(t, withOwn(t)), addTool(t)
	d.push(tool, "one", site, "tree")
	d.untilServing(tool, "one")
	before := d.deployed(tool, "webservice").ResourceVersion
	const claim = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`
	for _, test := range []struct{ name, objects, want string }{
		{"an invalid object", ownSettings + strings.Replace(ownStore, "app: store", "app: other", 1), "StatefulSet store"},
		{"no right", ownSettings + "---" + claim, "PersistentVolumeClaim disk"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d.ahead.Add(int64(2 * rightsLate))
			d.pushOwn(tool, test.name, site+"\nenv: {A: b}\n"+ownYAML, test.objects)
			d.until("the refusal to be told", func() bool {
				last := latest(&[]api.ToolStatus{d.status(tool)}[0])
				return last.Commit == commit(test.name) && last.Outcome == api.OutcomeFailed && strings.Contains(last.Message, test.want)
			})
			d.passes(tool, 3)
			if after := d.deployed(tool, "webservice").ResourceVersion; after != before {
				t.Error("the webservice was changed")
			}
			if _, err := d.settings(tool); !apierrors.IsNotFound(err) {
				t.Errorf("half of it was applied: %v", err)
			}
		})
	}
}

func TestCheckOwn(t *testing.T) {
	m := revision(site+"\njobs: [{name: worker, continuous: true, command: w}]\n"+ownYAML, "tree").Manifest
	for _, test := range []struct{ name, object, want string }{
		{"allowed", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}", ""},
		{"in its namespace", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: tool-wiki}", ""},
		{"a kind that is not", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}",
			"Secret a: the platform does not allow objects of kind Secret in v1; it allows: ConfigMap, StatefulSet, Deployment, PersistentVolumeClaim"},
		{"another namespace", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: kube-system}",
			`ConfigMap a: its namespace is "kube-system": leave it out, a tool's objects are in its own`},
		{"a name of the platform's", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: worker}",
			"Deployment worker: this name is taken: the platform makes a Deployment of it for what `webservice`, `jobs` or `network` declare"},
		{"twice", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}",
			"ConfigMap a: there are two of it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects, wrong := parseOwn([]byte(test.object))
			if len(wrong) > 0 {
				t.Fatal(wrong)
			}
			checkProblems(t, checkOwn(m, objects, "tool-wiki", ownPolicy), test.want)
		})
	}
}

func checkProblems(t *testing.T, got manifest.Problems, want string) {
	t.Helper()
	if want == "" && len(got) == 0 {
		return
	}
	if len(got) != 1 || got[0].Message != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

func TestParseOwn(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no object", "- a", "line 1: a Kubernetes object must be a mapping with `apiVersion`, `kind` and `metadata`"},
		{"no kind", "apiVersion: v1\nmetadata: {name: a}", "line 1: a Kubernetes object needs `apiVersion` and `kind`"},
		{"no name", "# a\n---\napiVersion: v1\nkind: ConfigMap", "line 3: `metadata.name` must be a name of lower-case letters, digits, `-` and `.`"},
		{"a list", "apiVersion: v1\nkind: List\nitems: []", "line 1: write each object of the list as a document of its own, with `---` between them"},
		{"an owner", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, ownerReferences: []}",
			"line 1: `metadata.ownerReferences` is not for a file: of metadata, only name, labels and annotations are"},
		{"a status", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nstatus: {}", "line 1: `status` is not for a file: the cluster writes it"},
		{"the platform's annotation", "apiVersion: v1\nkind: Pod\nmetadata: {name: a, annotations: {toolforge.org/rendered-hash: x}}",
			`line 1: the annotation "toolforge.org/rendered-hash" is the platform's`},
		{"no YAML", "a: [", "line 1: did not find expected node content"},
	} {
		t.Run(test.name, func(t *testing.T) {
			objects, wrong := parseOwn([]byte(test.text))
			if len(wrong) != 1 || wrong[0] != test.want {
				t.Errorf("got  %q, %v\nwant %q", wrong, objects, test.want)
			}
		})
	}
}

func TestOwnWrittenDown(t *testing.T) {
	objects, wrong := parseOwn([]byte(ownSettings + ownStore))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	again, err := decodeOwn(encodeOwn(objects))
	if err != nil || len(again) != 2 || encodeOwn(again) != encodeOwn(objects) {
		t.Errorf("got %v, %v", again, err)
	}
}

func FuzzParseOwn(f *testing.F) {
	f.Add([]byte(ownSettings + ownStore))
	f.Add([]byte("a: &a [*a]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		objects, _ := parseOwn(data)
		var again []*unstructured.Unstructured
		var err error
		if again, err = decodeOwn(encodeOwn(objects)); err != nil || len(again) != len(objects) {
			t.Errorf("%d objects are read again as %d: %v", len(objects), len(again), err)
		}
	})
}
