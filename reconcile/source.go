package reconcile

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/sources"
)

// source has the repository watched and takes the newest revision of it.
func (t *Tools) source(ctx context.Context, p *pass) result {
	repository := sources.Repository{URL: p.tool.Spec.Repository, Ref: p.tool.Spec.Ref}
	var r result
	if repository.Credentials, r = t.access(ctx, p.tool, repository.URL); r.reason != "" {
		return r
	}
	t.Revisions.Watch(p.tool.Name, repository, "", p.tool.Spec.Interval.Duration)
	seen, polled := t.Revisions.Latest(p.tool.Name)
	if !polled {
		if p.tool.Status.ObservedGeneration == p.tool.Generation {
			return result{outcome: waiting}
		}
		return wait(api.ReasonPolling, "asking "+p.tool.Spec.Repository+" for "+p.tool.Spec.Ref, 0)
	}
	if seen.Err != nil && seen.Commit == "" {
		return stall(api.ReasonRepositoryFailed, seen.Err.Error())
	}
	p.commit, p.revision = seen.Commit, seen.Value
	if p.tool.Status.Seen == nil || p.tool.Status.Seen.Commit != seen.Commit {
		p.tool.Status.Seen = &api.Revision{Commit: seen.Commit, SeenAt: metav1.NewTime(t.Now()).Rfc3339Copy()}
	}
	signer, r := t.verify(ctx, p)
	switch {
	case r.outcome != done:
		return r
	case seen.Err != nil:
		return result{outcome: degraded, reason: api.ReasonRepositoryFailed, message: seen.Err.Error()}
	}
	return ok(fmt.Sprintf("%s is at commit %s", p.tool.Spec.Ref, seen.Commit) + signer)
}
