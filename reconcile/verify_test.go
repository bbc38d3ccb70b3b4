package reconcile

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/sources"
	"github.com/toolforge/toolforged/sources/signed"
)

// signedData is a commit or a key of the tests of package signed, made with git.
func signedData(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("../sources/signed/testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// pushSigned is push, with the signature of a commit of those.
func (d *daemon) pushSigned(tool *api.Tool, name, signature, yaml, source string) {
	d.t.Helper()
	value := revision(yaml, source)
	value.Signature = signed.Of(signedData(d.t, signature+".commit"))
	d.show(tool, sources.Observation[Revision]{Commit: commit(name), Seen: commit(name), Value: value})
}

// requireKeys has a tool's commits verified.
func (d *daemon) requireKeys(tool *api.Tool, verify *api.Verify) {
	d.t.Helper()
	patch := client.MergeFrom(tool.DeepCopy())
	tool.Spec.Verify = verify
	if err := d.admin.Patch(d.t.Context(), tool, patch); err != nil {
		d.t.Fatal(err)
	}
}

// A commit that is not signed as it must be is not deployed, nor is what its toolforge.yaml says believed; what served goes
// on, and the next signed commit is deployed.
func TestUnsignedIsNotDeployed(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.requireKeys(tool, &api.Verify{Keys: []string{string(signedData(t, "ssh-ed25519.pub"))}})
	d.pushSigned(tool, "one", "ssh-ed25519", site, "tree1")
	d.untilServing(tool, "one")
	message := d.untilCondition(tool, api.SourceReady, metav1.ConditionTrue, api.ReasonSucceeded)
	if !strings.Contains(message, "signed by ed25519@example.org (SHA256:") {
		t.Errorf("message %q does not say who signed", message)
	}
	for _, test := range []struct{ signature, reason, want string }{
		{"ssh-rsa", api.ReasonSignatureRefused, "which is none of the keys that count here"},
		{"unsigned", api.ReasonUnsigned, "is not deployed: it is not signed; commit " + commit("one")[:7] + " keeps serving"},
		{"pgp-ed25519", api.ReasonSignatureRefused, "which is none of the keys that count here"},
	} {
		d.pushSigned(tool, test.signature, test.signature, "webservice: {replicas: 2}\n", "tree2")
		message := d.untilCondition(tool, "Ready", metav1.ConditionFalse, test.reason)
		if !strings.Contains(message, "commit "+commit(test.signature)[:7]+" is not deployed") || !strings.Contains(message, test.want) {
			t.Errorf("%s: message %q; want %q", test.signature, message, test.want)
		}
		status := d.status(tool)
		if status.Serving == nil || status.Serving.Commit != commit("one") || status.Deploying != nil {
			t.Errorf("%s: serving %+v, deploying %+v", test.signature, status.Serving, status.Deploying)
		}
	}
	d.passes(tool, 2)
	d.wire.take()
	d.passes(tool, 3)
	if writes := d.wire.take(); len(writes) > 0 {
		t.Errorf("passes with nothing to do wrote: %q", writes)
	}
	d.pushSigned(tool, "two", "ssh-ed25519", site, "tree2")
	d.untilServing(tool, "two")
}

// Keys in a Secret count as soon as they are there; those of an entry named so are revoked.
func TestKeysOfASecret(t *testing.T) {
	d, tool := startDaemon(t), addTool(t)
	d.requireKeys(tool, &api.Verify{SecretRef: &api.SecretReference{Name: tool.Name}})
	d.pushSigned(tool, "one", "pgp-subkey", site, "tree1")
	message := d.untilCondition(tool, "Ready", metav1.ConditionFalse, api.ReasonSecretMissing)
	if !strings.Contains(message, "there is no Secret "+tool.Name+" in namespace builds") {
		t.Errorf("message %q", message)
	}
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: buildNamespace, Name: tool.Name}, Data: map[string][]byte{
		"maintainers": signedData(t, "pgp-subkey.asc"),
	}}
	if err := d.admin.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.admin.Delete(t.Context(), secret) })
	d.untilServing(tool, "one")

	for entry, want := range map[string]string{
		"revoked": api.ReasonSignatureRefused,
		"more":    api.ReasonKeysInvalid,
	} {
		changed := secret.DeepCopy()
		changed.Data[entry] = signedData(t, "pgp-subkey.asc")
		if want == api.ReasonKeysInvalid {
			changed.Data[entry] = []byte("ssh-ed25519 nonsense\n")
		}
		if err := d.admin.Update(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
		d.waker.Wake(tool.Name)
		d.untilCondition(tool, "Ready", metav1.ConditionFalse, want)
		changed.Data = secret.Data
		if err := d.admin.Update(t.Context(), changed); err != nil {
			t.Fatal(err)
		}
		d.waker.Wake(tool.Name)
		d.untilServing(tool, "one")
		secret.ResourceVersion = changed.ResourceVersion
	}
}

// Where the platform requires signatures, its keys count for the tools that have none of their own.
func TestPlatformRequiresSignatures(t *testing.T) {
	const required = "signedCommits:\n  keys:\n"
	d, tool := startDaemon(t, withPolicy(t, required+"  - "+string(signedData(t, "ssh-rsa.pub")))), addTool(t)
	d.push(tool, "one", site, "tree1")
	d.untilCondition(tool, "Ready", metav1.ConditionFalse, api.ReasonUnsigned)
	d.pushSigned(tool, "two", "ssh-rsa", site, "tree1")
	d.untilServing(tool, "two")
	d.requireKeys(tool, &api.Verify{Keys: []string{string(signedData(t, "ssh-ed25519.pub"))}})
	d.untilCondition(tool, "Ready", metav1.ConditionFalse, api.ReasonSignatureRefused)
	d.pushSigned(tool, "three", "ssh-ed25519", site, "tree1")
	d.untilServing(tool, "three")
}

// The commits of other repositories are signed too, unless the signed file names them.
func TestSignaturesOfOtherRepositories(t *testing.T) {
	const file = "webservice: {}\njobs:\n- {name: cache, continuous: true, build: cache, process: web}\nbuilds:\n  cache: {repository: \"https://git.example/cache.git\", ref: REF}\n"
	d, tool := startDaemon(t), addTool(t)
	d.requireKeys(tool, &api.Verify{Keys: []string{string(signedData(t, "ssh-ed25519.pub"))}})
	other := func(yaml, signature string) {
		reading := readingOf(revision(yaml, "tree1").Manifest.Builds["cache"])
		d.revisions.set(watchName(tool.Name, "cache"), sources.Observation[Revision]{
			Commit: commit("cache"), Seen: commit("cache"), Reading: reading,
			Value: Revision{Trees: map[string]string{"main": "cache"}, Signature: signed.Of(signedData(t, signature+".commit"))},
		})
	}
	branch, fixed := strings.Replace(file, "REF", "main", 1), strings.Replace(file, "REF", commit("cache"), 1)
	other(branch, "unsigned")
	d.pushSigned(tool, "one", "ssh-ed25519", branch, "tree1")
	message := d.untilCondition(tool, "Ready", metav1.ConditionFalse, api.ReasonUnsigned)
	if !strings.Contains(message, "build cache: commit "+commit("cache")[:7]+" is not deployed: it is not signed; sign it, or name it by its full id") {
		t.Errorf("message %q", message)
	}
	other(branch, "ssh-ed25519")
	d.waker.Wake(tool.Name)
	d.untilServing(tool, "one")
	other(fixed, "unsigned")
	d.pushSigned(tool, "two", "ssh-ed25519", fixed, "tree1")
	d.untilServing(tool, "two")
}
