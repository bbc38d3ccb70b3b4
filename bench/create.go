package main

import "context"

// measureCreate makes the tools. The clock runs from their revisions' being known until every object is applied and the
// status says so; no rollout is waited for. The namespaces are made on the way, as they are Flux's way.
func measureCreate(ctx context.Context, s *session, theirs fluxTimes) error {
	s.out.say("toolforged: creating")
	s.fleet = warmFleet()
	if err := s.addTools(ctx, 0); err != nil {
		return err
	}
	if err := s.push(ctx); err != nil {
		return err
	}
	if err := s.untilServing(ctx); err != nil {
		return err
	}
	s.fleet = s.newFleet()
	if err := s.addTools(ctx, 0); err != nil {
		return err
	}
	if err := s.quiet(ctx); err != nil {
		return err
	}
	took, err := s.untilApplied(ctx, "creating")
	if err != nil {
		return err
	}
	s.out.seconds(s.numbered("create_N_s"), took)
	s.out.ratio(s.numbered("create_N_ratio"), theirs.create, took)
	if err := s.verify(ctx, s.fleet.Size); err != nil {
		return err
	}
	return s.untilServing(ctx)
}
