package build

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/toolforge/toolforged/registry"
)

// found is what the registry says of the build's image.
type found struct {
	done    bool
	built   registry.Built
	missing bool
	err     error
	at      time.Time
}

func (s *step) place() place { return place{s.request.Tool, s.request.Name} }

// lookup asks the registry for the image, beside. Done is false for as long as it has not answered. Why is part of what the
// answer is good for.
func (s *step) lookup(why string) found {
	tag := s.Config.tag(s.request)
	what := fmt.Sprintf("%s attempt %d %s", tag, s.record.Attempts, why)
	answer, done := s.ask(what, tag)
	if done && s.Now().Sub(answer.at) > answerFor {
		answer, done = s.ask(what, tag)
	}
	if !done {
		return found{}
	}
	if err := s.Claims.claim(tag); err != nil {
		return found{done: true, err: err}
	}
	return answer
}

func (s *step) ask(what, tag string) (found, bool) {
	result, done := s.Errands.ask(s.place(), what, func(ctx context.Context) any {
		if err := s.Claims.claim(tag); err != nil {
			return found{err: err, at: s.Now()}
		}
		built, err := s.Registry.Built(ctx, tag)
		if errors.Is(err, registry.ErrNotFound) {
			return found{missing: true, at: s.Now()}
		}
		if err == nil {
			err = s.Claims.claim(tag)
		}
		return found{built: built, err: err, at: s.Now()}
	})
	if !done {
		return found{}, false
	}
	answer := result.(found)
	answer.done = true
	return answer, true
}
