package build

import (
	"context"
	"errors"
	"fmt"

	"github.com/toolforge/toolforged/registry"
)

// found is what the registry says of the build's image.
type found struct {
	done    bool
	built   registry.Built
	missing bool
	err     error
}

func (s *step) place() place { return place{s.request.Tool, s.request.Name} }

// lookup asks the registry for the image, beside. Done is false for as long as it has not answered. Why is part of what the
// answer is good for.
func (s *step) lookup(why string) found {
	tag := s.Config.tag(s.request)
	what := fmt.Sprintf("%s attempt %d %s", tag, s.record.Attempts, why)
	result, done := s.Errands.ask(s.place(), what, func(ctx context.Context) any {
		built, err := s.Registry.Built(ctx, tag)
		if errors.Is(err, registry.ErrNotFound) {
			return found{done: true, missing: true}
		}
		return found{done: true, built: built, err: err}
	})
	if !done {
		return found{}
	}
	return result.(found)
}
