package main

import (
	"context"
	"time"
)

// passes is how often all tools are gone over while nothing changed. The figure is the median.
const passes = 5

// measureIdle has all tools gone over while nothing changed.
func measureIdle(ctx context.Context, s *session, theirs fluxTimes) error {
	before, err := s.calls(ctx)
	if err != nil {
		return err
	}
	var took []time.Duration
	for range passes {
		var pass time.Duration
		if err := s.daemon.call(ctx, "Pass", s.fleet, &pass); err != nil {
			return err
		}
		took = append(took, pass)
	}
	after, err := s.calls(ctx)
	if err != nil {
		return err
	}
	// The API server ends every watch from time to time; that is nobody's pass.
	calls := after.since(before).count(func(c Call) bool { return c.Verb != "watch" })
	s.out.figure("idle_calls_per_tool", float64(calls)/float64(passes*s.fleet.Size), "calls")
	median := percentile(took, 50)
	s.out.seconds("idle_pass_s", median)
	s.out.ratio("idle_pass_ratio", theirs.idle, median)
	return nil
}
