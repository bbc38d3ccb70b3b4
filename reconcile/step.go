package reconcile

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
	"github.com/toolforge/toolforged/reconcile/seal"
	"github.com/toolforge/toolforged/sources/signed"
)

// step is one part of the way from a repository to a running tool. Its result becomes the condition of its name.
type step struct {
	condition string
	run       func(context.Context, *pass) result
}

// pass is one walk of one tool through the steps: what the steps before have found out.
type pass struct {
	tool   *api.Tool
	commit string
	// signers are the keys by which commits must be signed; nil when they need not be.
	signers  *signed.Keys
	revision Revision
	// problems are the mistakes in the revision that were found so far.
	problems manifest.Problems
	// images are what the newest revision's processes run in, by name.
	images map[string]render.Image
	// deprecations are what the builders of the revision's images say of their end.
	deprecations deprecations
	// forward are the builds that were brought forward in this walk, by name.
	forward map[string]bool
	// identity is the tool's key pair, nil when nothing had to be decrypted in this walk.
	identity *seal.Identity
	// spared tells that Secrets which are no longer declared were kept for now.
	spared bool
	// surroundings are what the namespace holds whatever runs in it.
	surroundings []*unstructured.Unstructured
	// target is what should run; nil when nothing was ever deployed.
	target *deployment
	// next is the newest deployment for as long as its pre-deploy jobs have not all succeeded; target is what served before
	// then, if anything did.
	next *deployment
	// withheld is the newest revision's own deployment, when one of its pre-deploy jobs failed: nothing of it was applied.
	withheld *api.PastDeployment
	// takenBack is the newest revision's own deployment, when it failed and target is what served before.
	takenBack *api.PastDeployment
	// fresh tells that the namespace was made in this walk: nobody else can have anything in it.
	fresh bool
	// after asks for another walk after that time, whatever the steps come to; 0 asks for none.
	after time.Duration
}

// declared is all that should be in the namespace, in the order in which it is applied.
func (p *pass) declared() []*unstructured.Unstructured {
	return slices.Concat(p.prerequisites(), p.target.objects)
}

// prerequisites are what must be in the namespace before anything of a revision runs there, and so before its pre-deploy
// jobs, in the order in which it is applied: also the Secrets of the deployment that waits for its pre-deploy jobs. Their
// names are made of what they hold, so nothing that runs is changed by them.
func (p *pass) prerequisites() []*unstructured.Unstructured {
	if p.next == nil {
		return p.surroundings
	}
	secrets := slices.DeleteFunc(slices.Clone(p.next.objects), func(object *unstructured.Unstructured) bool {
		return !isSecret(object) || render.IsOwn(object)
	})
	if p.target != nil {
		secrets = slices.DeleteFunc(secrets, func(object *unstructured.Unstructured) bool {
			return slices.ContainsFunc(p.target.objects, func(o *unstructured.Unstructured) bool { return same(identity(o), identity(object)) })
		})
	}
	return slices.Concat(p.surroundings, secrets)
}

// again asks for another walk after that time, or sooner.
func (p *pass) again(after time.Duration) {
	p.after = soonest(p.after, after)
}

// soonest is the shorter of two times to wait, of which 0 is for ever.
func soonest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// outcome says how the walk goes on.
type outcome int

const (
	// done: go on to the next step.
	done outcome = iota
	// degraded: something is wrong, but the next steps can work with what was known before.
	degraded
	// waiting: something else must happen first; an event will wake the tool.
	waiting
	// stalled: failed, and nothing is tried again until a revision or the spec changes.
	stalled
	// failed: failed for now; it is tried again, less and less often.
	failed
)

// result is what a step found.
type result struct {
	outcome outcome
	// reason is one of the constants in api/v1alpha1.
	reason string
	// message is for the person who can act.
	message string
	// after asks for another walk after that time, were there no event before; 0 asks for none.
	after time.Duration
}

func ok(message string) result {
	return result{outcome: done, reason: api.ReasonSucceeded, message: message}
}

func wait(reason, message string, after time.Duration) result {
	return result{outcome: waiting, reason: reason, message: message, after: after}
}

func stall(reason, message string) result {
	return result{outcome: stalled, reason: reason, message: message}
}

func fail(reason string, err error) result {
	return result{outcome: failed, reason: reason, message: err.Error()}
}

// toImage are the steps that make the newest revision deployable, in order. A tool that one of them stops keeps what it has.
func (t *Tools) toImage() []step {
	return []step{
		{api.SourceReady, t.source},
		{api.ManifestValid, t.manifest},
		{api.ManifestValid, t.policy},
		{api.ImagesReady, t.images},
	}
}

// toRelease are the steps that a deployment goes through before anything of it is applied.
func (t *Tools) toRelease() []step {
	return []step{
		{api.Released, t.release},
	}
}

// toEffect are the steps that put what should run into effect, in order.
func (t *Tools) toEffect() []step {
	return []step{
		{api.Applied, t.converge},
		{api.Healthy, t.health},
	}
}
