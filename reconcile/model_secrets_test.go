package reconcile

import (
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/reconcile/seal"
)

// modelSecret are a tool's key and some values that are encrypted for it. What is encrypted differs each time; a simulation
// must not: so they are in a file.
type modelSecret struct {
	Identity string   `json:"identity"`
	Sealed   []string `json:"sealed"`
}

const modelSecretsFile = "testdata/model-secrets.json"

//go:embed testdata/model-secrets.json
var modelSecretsJSON []byte

var newModelSecrets = flag.Bool("update-secrets", false, "make the keys and the encrypted values of the simulation anew")

// modelSecrets are those of each tool, by its name.
var modelSecrets = sync.OnceValue(func() map[string]modelSecret {
	secrets := make(map[string]modelSecret)
	if err := json.Unmarshal(modelSecretsJSON, &secrets); err != nil {
		panic(err)
	}
	return secrets
})

// modelValues are the values behind what is encrypted. The last one is the first, encrypted once more.
var modelValues = []string{"model-value-0", "model-value-1", "model-value-2", "model-value-0"}

// modelValue is what all values have in them; modelValueEncoded the same in base64.
const modelValue, modelValueEncoded = "model-value-", "bW9kZWwtdmFsdWUt"

func TestModelSecrets(t *testing.T) {
	if *newModelSecrets {
		made := make(map[string]modelSecret)
		for _, tool := range []string{"t0", "t1"} {
			identity, err := seal.NewIdentity()
			if err != nil {
				t.Fatal(err)
			}
			secret := modelSecret{Identity: identity.Text()}
			for _, value := range modelValues {
				secret.Sealed = append(secret.Sealed, encrypt(t, identity.PublicKey(), value))
			}
			made[tool] = secret
		}
		data, err := json.MarshalIndent(made, "", "\t")
		if err == nil {
			err = os.WriteFile(modelSecretsFile, append(data, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for tool, secret := range modelSecrets() {
		for i, sealed := range secret.Sealed {
			if got, err := seal.Open(modelIdentity(tool), sealed); err != nil || got != modelValues[i] {
				t.Errorf("value %d of %s: %q, %v", i, tool, got, err)
			}
		}
	}
	if base64.StdEncoding.EncodeToString([]byte(modelValue)) != modelValueEncoded {
		t.Error("modelValueEncoded is not modelValue")
	}
}

func modelIdentity(tool string) *seal.Identity {
	identity, err := seal.ParseIdentity(modelSecrets()[tool].Identity)
	if err != nil {
		panic(err)
	}
	return identity
}

// of fills in what a manifest has encrypted for a tool, and for another.
func (m modelManifest) of(w *world, tool string) modelManifest {
	other := "t0"
	if tool == other {
		other = "t1"
	}
	for _, from := range []struct{ word, tool string }{{"<own>", tool}, {"<other>", other}} {
		for strings.Contains(m.yaml, from.word) {
			m.yaml = strings.Replace(m.yaml, from.word, fmt.Sprintf("{age: %q}", pick(w, modelSecrets()[from.tool].Sealed...)), 1)
		}
	}
	return m
}

// withValues puts the values into a rendered Secret of a commit.
func withValues(tool *modelTool, c *modelCommit, object *unstructured.Unstructured) *unstructured.Unstructured {
	sealed, ok := render.SealedSets(c.revision.Manifest)[object.GetName()]
	if !ok || object.GroupVersionKind() != secretKind {
		return object
	}
	whole := object.DeepCopy()
	for name, armored := range sealed {
		at := slices.Index(modelSecrets()[tool.name].Sealed, armored)
		set(whole, base64.StdEncoding.EncodeToString([]byte(modelValues[at])), "data", name)
	}
	return whole
}

// modelPlatform puts a Secret into each tool's namespace, as whoever gives tools their database does.
type modelPlatform struct{ world *world }

const providedName = "toolsdb"

func (p modelPlatform) changed(before, after *stored) {
	if before == nil && after.id.kind == namespaceKind && strings.HasPrefix(after.GetName(), api.NamespacePrefix) {
		p.provide(after.GetName(), p.world.between(0, 20*time.Second))
	}
}

// provide makes the Secret after some time, if it can.
func (p modelPlatform) provide(namespace string, after time.Duration) {
	p.world.clock.after(after, func() {
		id := objectID{secretKind, client.ObjectKey{Namespace: namespace, Name: providedName}}
		if p.world.server.get(id) != nil || p.world.server.admit(id) != nil {
			return
		}
		made := p.world.create("platform", map[string]any{
			"apiVersion": "v1", "kind": "Secret",
			"metadata": map[string]any{"namespace": namespace, "name": providedName, "labels": map[string]any{api.SecretLabel: api.SecretProvided}},
			"data":     map[string]any{"password": modelValueEncoded},
		})
		p.world.invariants.foreign[made.GetUID()] = true
	})
}

// provided are the versions of what the platform keeps for a tool.
func (w *world) provided(tool *modelTool) map[string]string {
	versions := make(map[string]string)
	for _, secret := range w.server.list(secretKind, tool.namespace()) {
		if secret.GetLabels()[api.SecretLabel] == api.SecretProvided {
			versions[secret.GetName()] = string(secret.GetUID()) + "/" + secret.GetResourceVersion()
		}
	}
	return versions
}

// changeProvided has the platform change its Secret, or take it away for a while.
func (w *world) changeProvided(tool *modelTool) {
	id := objectID{secretKind, client.ObjectKey{Namespace: tool.namespace(), Name: providedName}}
	if w.server.get(id) == nil {
		return
	}
	if w.random.IntN(4) == 0 {
		w.delete(id)
		modelPlatform{w}.provide(tool.namespace(), time.Minute)
		return
	}
	w.server.update("platform", id, func(object *unstructured.Unstructured) {
		value := fmt.Sprint(modelValue, w.random.Uint64())
		set(object, base64.StdEncoding.EncodeToString([]byte(value)), "data", "password")
	})
}

// forge replaces a Secret by another of its name: what is immutable cannot be edited.
func (w *world) forge(target *stored) {
	if w.server.admit(target.id) != nil {
		return // the namespace is about to go
	}
	w.server.erase(target.id)
	metadata := map[string]any{"namespace": target.GetNamespace(), "name": target.GetName()}
	for _, kept := range []string{"labels", "annotations"} {
		if there, ok, _ := unstructured.NestedMap(target.Object, "metadata", kept); ok {
			metadata[kept] = there
		}
	}
	data, _, _ := unstructured.NestedMap(target.Object, "data")
	for name := range data {
		data[name] = "Zm9yZ2Vk"
	}
	w.create(editor, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data, "immutable": w.random.IntN(2) == 0,
	})
}

func isForged(secret *stored) bool { return len(secret.owners[editor]) > 0 }

// immutable refuses to change what is in an immutable Secret.
func immutable(before *stored, content map[string]any) error {
	if before.id.kind != secretKind || before.Object["immutable"] != true || equalJSON(before.Object["data"], content["data"]) {
		return nil
	}
	return apierrors.NewInvalid(secretKind.GroupKind(), before.GetName(),
		field.ErrorList{field.Forbidden(field.NewPath("data"), "field is immutable when `immutable` is set")})
}

// secretly: a value is in Secrets only.
func (i *invariants) secretly(after *stored) {
	if after.id.kind != secretKind && hasValue(after.Object) {
		i.world.failf("%s holds a value of a secret", after.id)
	}
}

func hasValue(of any) bool {
	switch of := of.(type) {
	case string:
		return strings.Contains(of, modelValue) || strings.Contains(of, modelValueEncoded)
	case map[string]any:
		for name, value := range of {
			if hasValue(name) || hasValue(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(of, hasValue)
	}
	return false
}

// unused: a Secret that is deleted is one that no pod refers to, neither those that are up nor those that are to come.
func (i *invariants) unused(secret *stored) {
	w := i.world
	tool := w.server.get(objectID{toolKind, client.ObjectKey{Name: secret.GetLabels()[api.ToolLabel]}})
	if tool == nil || tool.GetDeletionTimestamp() != nil || isForged(secret) {
		return
	}
	for _, deployment := range w.server.list(deploymentKind, secret.GetNamespace()) {
		if deployment.GetDeletionTimestamp() != nil || len(deployment.owners[editor]) > 0 {
			continue
		}
		template, _, _ := unstructured.NestedFieldNoCopy(deployment.Object, "spec", "template")
		up := any(nil)
		if o := w.rollouts.byUID[deployment.GetUID()]; o != nil {
			up = o.up
		}
		if holds(template, secret.GetName()) || holds(up, secret.GetName()) {
			w.failf("the daemon deletes %s, which pods of %s refer to", secret.id, deployment.id)
		}
	}
}

// startable: when a pre-deploy job is created, the values are there that it refers to.
func (i *invariants) startable(job *stored) {
	if !i.world.calm || job == nil {
		return
	}
	used := make(map[string]bool)
	secretsIn(&job.as(asTyped).(*batchv1.Job).Spec.Template.Spec, used)
	for name := range used {
		id := objectID{secretKind, client.ObjectKey{Namespace: job.GetNamespace(), Name: name}}
		if secret := i.world.server.get(id); secret == nil || secret.Object["data"] == nil {
			i.world.failf("%s is created before the values of %s are there", job.id, id)
		}
	}
}

// holds tells whether a text is in a JSON value.
func holds(value any, text string) bool {
	switch value := value.(type) {
	case string:
		return value == text
	case map[string]any:
		for _, field := range value {
			if holds(field, text) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, func(field any) bool { return holds(field, text) })
	}
	return false
}

// checkKeys: the tool has its key pair, and the status says so.
func (w *world) checkKeys(tool *modelTool, status api.ToolStatus) {
	id := objectID{secretKind, client.ObjectKey{Namespace: buildNamespace, Name: "age-" + tool.name}}
	if w.server.get(id) == nil || status.PublicKey != modelIdentity(tool.name).PublicKey() {
		w.failf("%s has the public key %q, and the pair is there: %t", tool.name, status.PublicKey, w.server.get(id) != nil)
	}
}
