package reconcile

import (
	"context"
)

// buildSource is the commit that an image is built from.
type buildSource struct {
	repository, commit string
	// tree names all of it that can matter.
	tree string
	// secretName names the Secret with the repository's credentials; empty for none.
	secretName string
}

// sourceOf is what a build is made of now; nil and the reason when that is not known.
func (t *Tools) sourceOf(_ context.Context, p *pass, name string) (*buildSource, result) {
	source := &buildSource{repository: p.tool.Spec.Repository, commit: p.commit, tree: p.revision.Trees[name]}
	if p.tool.Spec.SecretRef != nil {
		source.secretName = p.tool.Spec.SecretRef.Name
	}
	return source, result{}
}
