package reconcile

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/reconcile/seal"
)

// encrypt is `age -a -r KEY`.
func encrypt(t testing.TB, publicKey, value string) string {
	t.Helper()
	recipient, err := age.ParseX25519Recipient(publicKey)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	armored := armor.NewWriter(&text)
	plain, err := age.Encrypt(armored, recipient)
	if err != nil {
		t.Fatal(err)
	}
	_, err = plain.Write([]byte(value))
	for _, err := range []error{err, plain.Close(), armored.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

// withSecret is a toolforge.yaml with one encrypted variable.
func withSecret(armored string) string {
	return site + fmt.Sprintf("secrets:\n  API_TOKEN: {age: %q}\n", armored)
}

// publicKey waits for the tool's.
func (d *daemon) publicKey(tool *api.Tool) string {
	d.t.Helper()
	d.until("the tool's public key", func() bool { return d.status(tool).PublicKey != "" })
	return tool.Status.PublicKey
}

func (d *daemon) identity(tool *api.Tool) *corev1.Secret {
	d.t.Helper()
	secret := &corev1.Secret{}
	if err := d.admin.Get(d.t.Context(), client.ObjectKey{Namespace: buildNamespace, Name: "age-" + tool.Name}, secret); err != nil {
		d.t.Fatal(err)
	}
	return secret
}

// rendered are the tool's Secrets that toolforged made, by name.
func (d *daemon) rendered(tool *api.Tool) map[string]*corev1.Secret {
	d.t.Helper()
	var list corev1.SecretList
	if err := d.admin.List(d.t.Context(), &list, client.InNamespace(tool.TargetNamespace())); err != nil {
		d.t.Fatal(err)
	}
	byName := make(map[string]*corev1.Secret)
	for i := range list.Items {
		if secret := &list.Items[i]; strings.HasPrefix(secret.Name, "secrets-") {
			byName[secret.Name] = secret
		}
	}
	return byName
}

// usedSecret is the Secret from which the webservice has a variable.
func (d *daemon) usedSecret(tool *api.Tool, name string) string {
	d.t.Helper()
	for _, variable := range d.webservice(tool).Spec.Template.Spec.Containers[0].Env {
		if variable.Name == name && variable.ValueFrom != nil {
			return variable.ValueFrom.SecretKeyRef.Name
		}
	}
	return ""
}

func (d *daemon) webservice(tool *api.Tool) *appsv1.Deployment {
	d.t.Helper()
	deployment := &appsv1.Deployment{}
	if err := d.admin.Get(d.t.Context(), client.ObjectKey{Namespace: tool.TargetNamespace(), Name: "webservice"}, deployment); err != nil {
		d.t.Fatal(err)
	}
	return deployment
}

// value is what the webservice gets as API_TOKEN.
func (d *daemon) value(tool *api.Tool) string {
	d.t.Helper()
	secret := d.rendered(tool)[d.usedSecret(tool, "API_TOKEN")]
	if secret == nil {
		return ""
	}
	return string(secret.Data["API_TOKEN"])
}

// requests counts the requests of a daemon that are not watches.
func (w *wire) requests() func() int {
	count := 0
	w.setCut(func(request *http.Request) bool {
		if request.URL.Query().Get("watch") == "" && !strings.Contains(request.URL.Path, "/leases/") {
			count++
		}
		return false
	})
	return func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return count
	}
}

func TestKeyPairIsMadeOnce(t *testing.T) {
	first, second := startDaemon(t), startDaemon(t)
	tool := addTool(t)
	key := first.publicKey(tool)
	secret := first.identity(tool)
	identity, err := seal.ParseIdentity(string(secret.Data[identityKey]))
	if err != nil || identity.PublicKey() != key {
		t.Errorf("the status has %s, the Secret %v, %v", key, identity, err)
	}
	if !*secret.Immutable || len(secret.OwnerReferences) != 1 || secret.OwnerReferences[0].UID != tool.UID || !owned(secret, tool.Name) {
		t.Errorf("the Secret is %v", secret.ObjectMeta)
	}
	first.push(tool, "one", site, "tree1")
	second.push(tool, "one", site, "tree1")
	first.passes(tool, 2)
	second.passes(tool, 2)
	if again := first.identity(tool); again.UID != secret.UID || first.status(tool).PublicKey != key {
		t.Errorf("another pair was made: %s, was %s", tool.Status.PublicKey, key)
	}
}

func TestEncryptedValue(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	armored := encrypt(t, d.publicKey(tool), "correct horse\n")
	d.push(tool, "one", withSecret(armored), "tree1")
	d.untilServing(tool, "one")
	if got := d.value(tool); got != "correct horse" {
		t.Errorf("the value is %q", got)
	}
	for name, secret := range d.rendered(tool) {
		if !*secret.Immutable || name != (render.Sealed{"API_TOKEN": armored}).Name() {
			t.Errorf("Secret %s: %v", name, secret.ObjectMeta)
		}
	}
	d.passes(tool, 2)
	count := d.wire.requests()
	d.passes(tool, 3)
	if n := count(); n > 0 {
		t.Errorf("%d requests though nothing changed", n)
	}
	next := startDaemon(t)
	next.push(tool, "one", withSecret(armored), "tree1")
	next.passes(tool, 2)
	if writes := next.wire.take(); len(writes) > 0 {
		t.Errorf("the next daemon wrote %q", writes)
	}
}

// The old value stays for as long as pods may be started with it.
func TestChangedValue(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	key := d.publicKey(tool)
	d.push(tool, "one", withSecret(encrypt(t, key, "first")), "tree1")
	d.untilServing(tool, "one")
	old := d.usedSecret(tool, "API_TOKEN")

	// A run of a job that began with the old value, and may be tried again.
	run := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: tool.TargetNamespace(), Name: "run"}}
	run.Spec.Template.Spec = corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{
		Name: "run", Image: "image.example", Env: []corev1.EnvVar{{Name: "API_TOKEN", ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: old}, Key: "API_TOKEN"}}}},
	}}}
	if err := d.admin.Create(t.Context(), run); err != nil {
		t.Fatal(err)
	}

	d.push(tool, "two", withSecret(encrypt(t, key, "second")), "tree1")
	d.until("the new value", func() bool { return d.value(tool) == "second" })
	d.passes(tool, 2)
	if d.rendered(tool)[old] == nil {
		t.Error("the old value is gone before the new one is in use")
	}
	d.untilServing(tool, "two")
	d.passes(tool, 2)
	if d.rendered(tool)[old] == nil {
		t.Error("the old value is gone as soon as the new one is in use")
	}
	d.ahead.Store(int64(2 * sparedFor))
	d.passes(tool, 2)
	if d.rendered(tool)[old] == nil {
		t.Error("the old value is gone while a run of a job has it")
	}
	if err := d.admin.Delete(t.Context(), run, client.PropagationPolicy(metav1.DeletePropagationBackground)); err != nil {
		t.Fatal(err)
	}
	d.until("the old value to go", func() bool {
		d.passes(tool, 1)
		return d.rendered(tool)[old] == nil
	})
	if d.value(tool) != "second" || len(d.status(tool).Inventory) != 7 {
		t.Errorf("the value is %q, the inventory %v", d.value(tool), tool.Status.Inventory)
	}
}

// Values that come faster than they can serve do not pile up, and that of what serves stays.
func TestManyValuesThatNeverServe(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	key := d.publicKey(tool)
	d.push(tool, "serving", withSecret(encrypt(t, key, "serving")), "tree1")
	d.untilServing(tool, "serving")
	serving := d.usedSecret(tool, "API_TOKEN")
	for i := range maxSpared + 4 {
		value := fmt.Sprint("value ", i)
		d.push(tool, value, withSecret(encrypt(t, key, value)), "tree1")
		d.until(value, func() bool { return d.value(tool) == value })
	}
	d.passes(tool, 2)
	there := d.rendered(tool)
	if len(there) > maxSpared+2 || there[serving] == nil {
		t.Errorf("%d Secrets; that of what serves: %t", len(there), there[serving] != nil)
	}
}

func TestValueForAnotherTool(t *testing.T) {
	d, tool, other := startDaemon(t), addTool(t), addNamedTool(t, "another-tool")
	d.push(tool, "one", withSecret(encrypt(t, d.publicKey(tool), "own")), "tree1")
	d.untilServing(tool, "one")
	d.wire.take()
	d.push(tool, "two", withSecret(encrypt(t, d.publicKey(other), "theirs")), "tree2")
	message := d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	for _, part := range []string{"`API_TOKEN` is encrypted for another key than this tool's", "age -a -r " + tool.Status.PublicKey} {
		if !strings.Contains(message, part) {
			t.Errorf("message %q does not say %q", message, part)
		}
	}
	if problems := tool.Status.Problems; len(problems) != 1 || problems[0].Line != strings.Count(site, "\n")+2 || problems[0].Column < 15 {
		t.Errorf("the problems are %+v", problems)
	}
	d.passes(tool, 2)
	if writes := objectWrites(d.wire.take()); len(writes) > 0 || d.value(tool) != "own" {
		t.Errorf("%q were written, the value is %q", writes, d.value(tool))
	}
	count := d.wire.requests()
	d.passes(tool, 2)
	if n := count(); n > 0 {
		t.Errorf("%d requests though nothing changed", n)
	}
}

func TestHealedSecrets(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", withSecret(encrypt(t, d.publicKey(tool), "own")), "tree1")
	d.untilServing(tool, "one")
	name := d.usedSecret(tool, "API_TOKEN")
	replace := func(immutable bool) func(*corev1.Secret) {
		return func(secret *corev1.Secret) {
			if err := d.admin.Delete(t.Context(), secret); err != nil {
				t.Fatal(err)
			}
			other := &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: name, Labels: secret.Labels, Annotations: secret.Annotations,
					ManagedFields: secret.ManagedFields},
				Immutable: &immutable,
				Data:      map[string][]byte{"API_TOKEN": []byte("forged")},
			}
			// The daemon may have been faster.
			if err := d.admin.Create(t.Context(), other); err != nil && !apierrors.IsAlreadyExists(err) {
				t.Fatal(err)
			}
		}
	}
	for what, harm := range map[string]func(*corev1.Secret){
		"deleted":            func(secret *corev1.Secret) { _ = d.admin.Delete(t.Context(), secret) },
		"replaced":           replace(false),
		"replaced for ever":  replace(true),
		"without its labels": func(secret *corev1.Secret) { secret.Labels = nil; _ = d.admin.Update(t.Context(), secret) },
	} {
		harm(d.rendered(tool)[name])
		d.until("a Secret that was "+what+" to be put back", func() bool {
			d.passes(tool, 1)
			secret := d.rendered(tool)[name]
			return d.value(tool) == "own" && *secret.Immutable && owned(secret, tool.Name) && secret.Labels[api.SecretLabel] == api.SecretRendered
		})
	}
}

func TestLostKey(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	key := d.publicKey(tool)
	backup := d.identity(tool)
	d.push(tool, "one", withSecret(encrypt(t, key, "first")), "tree1")
	d.untilServing(tool, "one")
	if err := d.admin.Delete(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	d.push(tool, "two", withSecret(encrypt(t, key, "second")), "tree1")
	message := d.untilCondition(tool, api.ManifestValid, "False", api.ReasonKeyMissing)
	if !strings.Contains(message, "there is no Secret age-"+tool.Name+" in namespace builds") {
		t.Errorf("message %q", message)
	}
	if d.status(tool).PublicKey != key || d.value(tool) != "first" {
		t.Errorf("the key is %s, was %s; the value is %q", tool.Status.PublicKey, key, d.value(tool))
	}

	// From a backup, which belongs to nobody.
	backup.ObjectMeta = metav1.ObjectMeta{Namespace: backup.Namespace, Name: backup.Name, Labels: backup.Labels}
	if err := d.admin.Create(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	d.untilServing(tool, "two")

	// Rotation: a new pair, and the values of before stay in effect.
	if err := d.admin.Delete(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	clear := client.RawPatch(types.MergePatchType, []byte(`{"status":{"publicKey":null}}`))
	if err := d.admin.Status().Patch(t.Context(), tool, clear); err != nil {
		t.Fatal(err)
	}
	if d.publicKey(tool) == key {
		t.Errorf("the pair is the same: %s", key)
	}
	d.passes(tool, 2)
	d.untilServing(tool, "two")
	if d.value(tool) != "second" {
		t.Errorf("the value is %q", d.value(tool))
	}
	d.push(tool, "three", withSecret(encrypt(t, key, "third")), "tree1")
	d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	d.push(tool, "four", withSecret(encrypt(t, d.publicKey(tool), "fourth")), "tree1")
	d.untilServing(tool, "four")
	if d.value(tool) != "fourth" {
		t.Errorf("the value is %q", d.value(tool))
	}
}

func TestProvidedSecret(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	yaml := site + "secrets:\n  DB_PASSWORD: {from: toolsdb, key: password}\n"
	d.push(tool, "one", yaml, "tree1")
	message := d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	for _, part := range []string{"the platform keeps no Secret `toolsdb` for this tool; it keeps: nothing", "namespace " + tool.TargetNamespace(), api.SecretLabel + "=" + api.SecretProvided} {
		if !strings.Contains(message, part) {
			t.Errorf("message %q does not say %q", message, part)
		}
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: tool.TargetNamespace(), Name: "toolsdb"},
		Data:       map[string][]byte{"user": []byte("u1")},
	}
	if err := d.admin.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	d.passes(tool, 2)
	d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)

	// No push wakes the tool from here on: the Secret does.
	secret.Labels = map[string]string{api.SecretLabel: api.SecretProvided}
	if err := d.admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	d.until("a word about the key", func() bool {
		d.status(tool)
		return len(tool.Status.Problems) == 1 && strings.Contains(tool.Status.Problems[0].Message, "Secret `toolsdb` has no key `password`; it has: user")
	})
	secret.Data["password"] = []byte("first")
	if err := d.admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	d.untilServing(tool, "one")
	before := d.webservice(tool)
	if d.usedSecret(tool, "DB_PASSWORD") != "toolsdb" || before.Spec.Template.Annotations[render.ProvidedAnnotation] == "" {
		t.Errorf("the pods are %v", before.Spec.Template)
	}
	d.passes(tool, 2)
	count := d.wire.requests()
	d.passes(tool, 2)
	if n := count(); n > 0 {
		t.Errorf("%d requests though nothing changed", n)
	}
	secret.Data["password"] = []byte("second")
	if err := d.admin.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	d.until("the pods to be replaced", func() bool {
		return d.webservice(tool).Spec.Template.Annotations[render.ProvidedAnnotation] != before.Spec.Template.Annotations[render.ProvidedAnnotation]
	})
	d.untilServing(tool, "one")
	if got := d.status(tool).History; len(got) != 2 {
		t.Errorf("the history is %+v", got)
	}
}

// The key pair goes with the tool.
func TestKeyPairGoes(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.push(tool, "one", withSecret(encrypt(t, d.publicKey(tool), "own")), "tree1")
	d.untilServing(tool, "one")
	if err := d.admin.Delete(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	d.until("the namespace to be deleted", func() bool {
		namespace := &corev1.Namespace{}
		err := d.admin.Get(t.Context(), client.ObjectKey{Name: tool.TargetNamespace()}, namespace)
		return err == nil && namespace.DeletionTimestamp != nil
	})
	if len(d.rendered(tool)) > 0 {
		t.Errorf("Secrets are left: %v", slices.Collect(maps.Keys(d.rendered(tool))))
	}
	d.identity(tool)
	d.letGo(tool)
	d.until("the tool to be gone", func() bool { return d.gone(tool) })
	key := client.ObjectKey{Namespace: buildNamespace, Name: "age-" + tool.Name}
	if err := d.admin.Get(t.Context(), key, &corev1.Secret{}); !apierrors.IsNotFound(err) {
		t.Errorf("the key pair: %v", err)
	}
}

// A value is in the Secret that is made of it, and nowhere else: not in what others may read, and not in a log.
func TestValuesAreNowhereElse(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	key := d.publicKey(tool)
	values := []string{"c0rrect-h0rse-battery", "an0ther-staple", "too-binary\x00-staple", "never-encrypted-staple", "br0ken-admission-staple"}
	d.push(tool, "one", withSecret(encrypt(t, key, values[0])), "tree1")
	d.untilServing(tool, "one")
	d.push(tool, "two", withSecret(encrypt(t, key, values[1])), "tree1")
	d.untilServing(tool, "two")
	if err := d.admin.Delete(t.Context(), d.rendered(tool)[d.usedSecret(tool, "API_TOKEN")]); err != nil {
		t.Fatal(err)
	}
	d.until("the value to be put back", func() bool { d.passes(tool, 1); return d.value(tool) == values[1] })
	d.push(tool, "three", withSecret(encrypt(t, key, values[2])), "tree1")
	d.untilCondition(tool, api.ManifestValid, "False", api.ReasonManifestInvalid)
	d.push(tool, "four", withSecret("-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n"+values[3]+"\n-----END AGE ENCRYPTED FILE-----"), "tree1")
	d.until("a word about what is damaged", func() bool {
		return len(d.status(tool).Problems) == 1 && strings.Contains(tool.Status.Problems[0].Message, "damaged")
	})
	// What stood in the toolforge.yaml as text is the maintainers' own publication; it is in no message all the same.
	d.wire.refuse(3, http.StatusBadRequest)
	d.push(tool, "five", withSecret(encrypt(t, key, values[4])), "tree1")
	d.untilServing(tool, "five")

	places := map[string]string{"the log and the events": d.log.text()}
	for _, kind := range append(Kinds(), namespaceKind, api.GroupVersion.WithKind("Tool"), corev1.SchemeGroupVersion.WithKind("Event")) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(kind)
		if err := d.admin.List(t.Context(), list); err != nil {
			t.Fatal(err)
		}
		for _, object := range list.Items {
			if kind == secretKind {
				unstructured.RemoveNestedField(object.Object, "data")
			}
			encoded, err := json.Marshal(object.Object)
			if err != nil {
				t.Fatal(err)
			}
			places[kind.Kind+" "+object.GetName()] = string(encoded)
		}
	}
	identity := string(d.identity(tool).Data[identityKey])
	for place, text := range places {
		for _, value := range append(values, identity) {
			for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value)), strings.ToLower(value)} {
				if strings.Contains(text, form) {
					at := strings.Index(text, form)
					t.Errorf("%s has %q: %.300q", place, value, text[max(0, at-150):])
				}
			}
		}
	}
	if len(places) < 10 || !strings.Contains(places["the log and the events"], "event Healed") {
		t.Errorf("only %d places were searched, or the log was not kept", len(places))
	}
}

func TestSpareForAWhile(t *testing.T) {
	now := metav1.NewTime(time.Now())
	status := api.ToolStatus{Serving: &api.Deployment{Since: metav1.NewTime(now.Add(-time.Hour))}}
	if end := lastEnd(&status); !end.Equal(now.Add(-time.Hour)) {
		t.Errorf("the last deployment ended at %v", end)
	}
	status.History = []api.PastDeployment{{FinishedAt: &now}}
	if end := lastEnd(&status); !end.Equal(now.Time) {
		t.Errorf("the last deployment ended at %v", end)
	}
}
