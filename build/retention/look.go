package retention

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// look marks what a tool does not need, removes what was marked before, and says when to look again, should nothing change, and of
// which of the builds nothing was there.
func (s *Sweeper) look(ctx context.Context, name string, tool *api.Tool, builds []string) (next time.Time, bare []string, err error) {
	r, err := s.Registry()
	if err != nil {
		return next, nil, err
	}
	was, err := s.readMarks(ctx, r, name)
	if err != nil {
		return next, nil, err
	}
	now := s.Now()
	var items []item
	for _, build := range builds {
		found, err := s.items(ctx, r, name, build, was, now)
		if err != nil {
			return next, nil, err
		}
		if items = append(items, found...); len(found) == 0 {
			bare = append(bare, build)
		}
	}
	if s.lost(tool, items) {
		s.Missing(name)
	}
	marked, due := s.Policy.plan(items, needsOf(tool, words{}, s.Policy.Keep), was, now)
	if !maps.EqualFunc(marked, was, time.Time.Equal) {
		if err := s.writeMarks(ctx, r, name, marked); err != nil {
			return next, nil, err
		}
	}
	if len(due) == 0 || s.unable {
		return s.Policy.soonest(marked, now.Add(lookAgain)), bare, nil
	}
	return now, bare, s.remove(ctx, r, name, items, was, due)
}

// items are the tags in the repositories of a build, and what is behind them.
func (s *Sweeper) items(ctx context.Context, r Registry, tool, name string, was marks, now time.Time) ([]item, error) {
	var items []item
	for _, kind := range []build.RepositoryKind{build.OfImages, build.OfCaches, build.OfLogs} {
		repository := build.Repository{Kind: kind, Tool: tool, Build: name}
		tags, err := r.Tags(ctx, s.Prefix+"/"+repository.Path())
		if err != nil {
			return nil, err
		}
		found := make([]item, 0, len(tags))
		ripe := repository.Kind == build.OfImages // the records have images by digest
		for _, tag := range tags {
			i := item{repository: repository, tag: tag}
			found, ripe = append(found, i), ripe || s.Policy.ripe(i, was, now)
		}
		for i := range found {
			if !ripe {
				break
			}
			behind, err := r.Behind(ctx, s.reference(repository.Path(), found[i].tag))
			if err != nil && !errors.Is(err, registry.ErrNotFound) {
				return nil, err
			}
			found[i].digest, found[i].index = behind.Digest, behind.Index
		}
		items = append(items, found...)
	}
	return items, nil
}

// lost tells whether a record says of an image that it is there, and it is not.
func (s *Sweeper) lost(tool *api.Tool, items []item) bool {
	if tool == nil {
		return false
	}
	return slices.ContainsFunc(tool.Status.Builds, func(b api.Build) bool {
		return b.State == api.BuildSucceeded && !slices.ContainsFunc(items, func(i item) bool {
			return i.repository.Kind == build.OfImages && i.repository.Build == b.Name && i.tag == b.Key
		})
	})
}

// maxFailures bounds the removals that fail, of those of one look.
const maxFailures = 3

// remove removes those of the due items that are still not needed. The order is what makes it safe: from the moment on at which the
// tags are taken, no build counts on them; what one has counted on before is in the tool's status, which is read after that, from
// the API server as everything else that may name an image is. (A leader that is stopped in between for longer than its Lease may
// come too late to that: then the image that is missing is built again.)
func (s *Sweeper) remove(ctx context.Context, r Registry, name string, items []item, was marks, due []item) error {
	tags := make([]string, 0, len(due))
	for _, i := range due {
		tags = append(tags, s.reference(i.repository.Path(), i.tag))
	}
	taken, done := s.Claims.Take(tags)
	defer done()
	needed, err := s.needed(ctx, name)
	if err != nil {
		return err
	}
	// Nothing else than what was due and is taken, whatever has become unneeded meanwhile.
	maps.DeleteFunc(was, func(name string, _ time.Time) bool { return !taken[s.Prefix+"/"+name] })
	_, due = s.Policy.plan(items, needed, was, s.Now())
	removed := map[string]bool{}
	var failures []error
	for _, i := range due {
		manifest := s.digest(i.repository.Path(), i.digest)
		if removed[manifest] {
			continue
		}
		removed[manifest] = true
		err := r.Remove(ctx, manifest)
		if err == nil || errors.Is(err, registry.ErrUnable) {
			s.journal.refused(err, s.Log)
		}
		if errors.Is(err, registry.ErrUnable) {
			s.unable = true // it would say the same of all others
			return nil
		}
		if err != nil {
			if failures = append(failures, err); len(failures) == maxFailures {
				break // it is not about one of them
			}
			continue
		}
		s.journal.removed(i.repository.Kind)
		s.Log.Info("removed from the registry", "kind", i.repository.Kind, "tool", name, "build", i.repository.Build, "tag", i.tag,
			"digest", i.digest, "unneeded", was[i.name()])
	}
	return errors.Join(failures...)
}

// needed is what a tool needs at this moment.
func (s *Sweeper) needed(ctx context.Context, name string) (needs, error) {
	var tool *api.Tool
	live := &api.Tool{}
	switch err := s.Live.Get(ctx, client.ObjectKey{Name: name}, live); {
	case err == nil:
		tool = live
	case !apierrors.IsNotFound(err):
		return needs{}, fmt.Errorf("read tool %s: %w", name, err)
	}
	objects, err := s.Objects.named(ctx, name)
	if err != nil {
		return needs{}, err
	}
	needed := needsOf(tool, objects, s.Policy.Keep)
	needed.everything = needed.everything || tool != nil && tool.DeletionTimestamp != nil
	return needed, nil
}
