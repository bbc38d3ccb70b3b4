package main

import (
	"context"
	"time"
)

// measureChange changes one of each tool's four objects: the image is pushed anew of tools that are a webservice only, so
// that they consist of a Namespace, a Deployment, a Service and an Ingress.
//
// The clock runs until the status says that it is applied, no rollout is waited for. The requests are counted until the
// tool is up with the new image: those to the tool's own objects, the writes of the Tool's status (what waits and what came
// of it is written down on the way), and all others, which the line before the figures names.
func measureChange(ctx context.Context, s *session, theirs fluxTimes) error {
	s.fleet.Manifest = site
	s.fleet.Commit++
	if err := s.push(ctx); err != nil {
		return err
	}
	if err := s.untilServing(ctx); err != nil {
		return err
	}
	before, err := s.calls(ctx)
	if err != nil {
		return err
	}
	s.fleet.Commit++
	s.fleet.Source++
	took, err := s.untilApplied(ctx, "image changed")
	if err != nil {
		return err
	}
	if err := s.verify(ctx, 0); err != nil {
		return err
	}
	if err := s.untilServing(ctx); err != nil {
		return err
	}
	after, err := s.calls(ctx)
	if err != nil {
		return err
	}
	calls := after.since(before)
	s.out.tell("toolforged, image changed, until up", calls, s.fleet.Size)
	own, status := calls.count(isOwn), calls.count(isStatus)
	perTool := func(n int) float64 { return float64(n) / float64(s.fleet.Size) }
	s.out.figure("image_change_calls_per_tool", perTool(own), "calls")
	s.out.figure("image_change_status_writes_per_tool", perTool(status), "calls")
	s.out.figure("image_change_other_calls_per_tool", perTool(calls.count(every)-own-status), "calls")
	s.out.seconds(s.numbered("image_change_N_s"), took)
	s.out.ratio(s.numbered("image_change_N_ratio"), theirs.change, took)
	return nil
}

// untilApplied pushes and tells how long it takes until the status of every tool says that the commit is applied.
func (s *session) untilApplied(ctx context.Context, what string) (time.Duration, error) {
	before, err := s.calls(ctx)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.push(ctx); err != nil {
		return 0, err
	}
	at, err := s.watch.until(ctx, what, s.fleet.names(), s.fleet.isApplied)
	if err != nil {
		return 0, err
	}
	after, err := s.calls(ctx)
	if err != nil {
		return 0, err
	}
	took := since(began, at)
	last := took[len(took)-1]
	s.out.tell("toolforged, "+what, after.since(before), s.fleet.Size)
	return last, nil
}
