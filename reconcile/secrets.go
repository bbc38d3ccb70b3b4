package reconcile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/reconcile/seal"
)

var secretKind = corev1.SchemeGroupVersion.WithKind("Secret")

// maxSealed bounds what is encrypted in all Secrets of a tool together, in bytes: anchors can repeat a value many times.
const maxSealed = 1 << 20

// secrets says whether the values can be had that the revision does not have in the clear. It asks nobody about those that
// are in effect, or were looked at before.
func (t *Tools) secrets(ctx context.Context, p *pass) result {
	problems, r := t.sealedProblems(ctx, p)
	if r.outcome != done {
		return r
	}
	more, r := t.providedProblems(ctx, p)
	if r.outcome != done {
		return r
	}
	if problems = append(problems, more...); len(problems) > 0 {
		return mistaken(p, problems.Sorted())
	}
	return ok("")
}

// placedSecret is an entry of `secrets`, and where the file has it.
type placedSecret struct {
	manifest.Secret
	name, path string
}

// secretsOf are all entries of `secrets`, also of those that no process gets.
func secretsOf(m *manifest.Manifest) []placedSecret {
	var all []placedSecret
	add := func(path string, secrets map[string]manifest.Secret) {
		for _, name := range slices.Sorted(maps.Keys(secrets)) {
			all = append(all, placedSecret{secrets[name], name, path + "." + name})
		}
	}
	add("secrets", m.Secrets)
	for _, process := range m.Processes() {
		add(process.Path+".secrets", process.Run.Secrets)
	}
	return all
}

// sealedProblems finds the encrypted values that the tool's key does not open.
func (t *Tools) sealedProblems(ctx context.Context, p *pass) (manifest.Problems, result) {
	m := p.revision.Manifest
	sets := render.SealedSets(m)
	if problem := tooMuch(m, sets); problem != nil {
		return manifest.Problems{*problem}, result{}
	}
	applied, err := t.applied(ctx, p, sets)
	if err != nil {
		return nil, fail(api.ReasonApplyFailed, err)
	}
	var problems manifest.Problems
	seen := make(map[sealedID]string)
	for _, secret := range secretsOf(m) {
		if secret.Age == "" || applied[secret.Age] {
			continue
		}
		wrong, id, r := t.wrong(ctx, p, secret.Age)
		if r.outcome != done {
			return nil, r
		}
		seen[id] = wrong
		if wrong != "" {
			problems = append(problems, m.Problem(secret.path+".age", "`"+secret.name+"` "+wrong))
		}
	}
	t.opened.set(p.tool.Name, seen)
	return problems, result{}
}

func tooMuch(m *manifest.Manifest, sets map[string]render.Sealed) *manifest.Problem {
	total := 0
	for _, sealed := range sets {
		for name, value := range sealed {
			total += len(name) + len(value)
		}
	}
	if total <= maxSealed {
		return nil
	}
	problem := m.Problem("secrets", fmt.Sprintf("the processes have %d bytes of encrypted values, counted once for each process "+
		"with values of its own; at most %d are allowed", total, maxSealed))
	return &problem
}

// applied are the encrypted values that are in effect: they were opened when their Secret was made.
func (t *Tools) applied(ctx context.Context, p *pass, sets map[string]render.Sealed) (map[string]bool, error) {
	applied := make(map[string]bool)
	for name, sealed := range sets {
		object := reference(secretKind, p.tool.TargetNamespace(), name)
		if entry(p.tool, object) == nil {
			continue
		}
		live, err := t.live(ctx, object)
		if err != nil {
			return nil, err
		}
		if live == nil {
			continue
		}
		for _, value := range sealed {
			applied[value] = true
		}
	}
	return applied, nil
}

// wrong says what is wrong with an encrypted value; "" when the tool's key opens it.
func (t *Tools) wrong(ctx context.Context, p *pass, armored string) (string, sealedID, result) {
	id := idOfSealed(p.tool.Status.PublicKey, armored)
	if known, ok := t.opened.get(p.tool.Name, id); ok {
		return known, id, result{}
	}
	identity, r := t.keys(ctx, p)
	if r.outcome != done {
		return "", id, r
	}
	_, err := seal.Open(identity, armored)
	return correction(err, identity.PublicKey()), idOfSealed(identity.PublicKey(), armored), result{}
}

// correction says what to do about a value that could not be opened.
func correction(err error, publicKey string) string {
	again := "encrypt the value again with `age -a -r " + publicKey + "`"
	switch {
	case err == nil:
		return ""
	case errors.Is(err, seal.ErrOtherKey):
		return "is encrypted for another key than this tool's: " + again
	case errors.Is(err, seal.ErrPassphrase):
		return "is encrypted with a passphrase: " + again
	case errors.Is(err, seal.ErrRecipients):
		return fmt.Sprintf("is encrypted for more than %d keys at once: %s", seal.MaxRecipients, again)
	case errors.Is(err, seal.ErrOneLine):
		return "has lost its line breaks: write `age: |`, and below it what `age` prints, indented, line by line"
	case errors.Is(err, seal.ErrTooLarge):
		return fmt.Sprintf("holds more than %d bytes: a variable cannot be that large", seal.MaxValue)
	case errors.Is(err, seal.ErrBinary):
		return "holds a NUL or other bytes that are no UTF-8 text, which no variable can: encode the value, for example with base64, and encrypt that"
	}
	return "is damaged: a part is missing or was changed; copy all that `age` printed again, or " + again
}

// sealedID is a hash of an encrypted value and of the key that it was tried with.
type sealedID [sha256.Size]byte

func idOfSealed(publicKey, armored string) sealedID {
	return sha256.Sum256([]byte(publicKey + "\n" + armored))
}

// opened remembers of each tool's newest revision what is wrong with its encrypted values, "" for nothing: never a value.
// Losing it costs nothing but trying again.
type opened struct {
	mu     sync.Mutex
	byTool map[string]map[sealedID]string
}

func newOpened() *opened { return &opened{byTool: make(map[string]map[sealedID]string)} }

func (o *opened) get(tool string, id sealedID) (string, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	wrong, ok := o.byTool[tool][id]
	return wrong, ok
}

func (o *opened) set(tool string, values map[sealedID]string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(values) == 0 {
		delete(o.byTool, tool)
		return
	}
	o.byTool[tool] = values
}

// forgetSecrets is for a tool that is gone.
func (t *Tools) forgetSecrets(tool string) {
	t.opened.set(tool, nil)
	t.secretKeys.forget(tool)
}
