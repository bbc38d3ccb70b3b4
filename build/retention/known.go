package retention

import (
	"context"
	"errors"
	"maps"
	"slices"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// known are the builds of which something may be in the registry, by tool, also of tools that are gone: those that the registry
// lists, those of the ledger, and those of the records. The ledger is brought up to date.
func (s *Sweeper) known(ctx context.Context, tools map[string]*api.Tool) (ledger, error) {
	r, err := s.Registry()
	if err != nil {
		return nil, err
	}
	was, err := s.readLedger(ctx, r)
	if err != nil {
		return nil, err
	}
	found := map[string]map[string]bool{}
	add := func(tool, build string) {
		if found[tool] == nil {
			found[tool] = map[string]bool{}
		}
		found[tool][build] = true
	}
	for tool, builds := range was {
		for _, build := range builds {
			add(tool, build)
		}
	}
	if err := s.listed(ctx, r, add); err != nil {
		return nil, err
	}
	maps.DeleteFunc(s.looks, func(tool string, _ look) bool { return found[tool] == nil && tools[tool] == nil })
	for tool, last := range s.looks {
		for _, build := range last.bare {
			if s.Now().Before(last.next) {
				delete(found[tool], build)
			}
		}
	}
	for name, tool := range tools {
		for _, b := range tool.Status.Builds {
			add(name, b.Name)
		}
		for _, b := range tool.Status.BuildHistory {
			add(name, b.Name)
		}
	}
	now := ledger{}
	for tool, builds := range found {
		if len(builds) > 0 && (tools[tool] != nil || s.Owns(tool)) {
			now[tool] = slices.Sorted(maps.Keys(builds))
		}
	}
	return now, s.writeLedger(ctx, r, was, now)
}

// listed adds what the registry lists. Where it does not, it says so once.
func (s *Sweeper) listed(ctx context.Context, r Registry, add func(tool, build string)) error {
	paths, err := r.Repositories(ctx, s.Prefix)
	if err != nil && !errors.Is(err, registry.ErrUnable) {
		return err
	}
	s.journal.unlisted(err, s.Log)
	for _, path := range paths {
		if repository, ours := build.ParseRepository(path); ours {
			add(repository.Tool, repository.Build)
		}
	}
	return nil
}
