package main

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measureDeploys pushes to all tools at the same time, and takes the time until each of the healthy ones is ready. In some
// rounds all rollouts succeed, in others three in ten never become healthy; it is the same seven in ten that are compared.
// The order of the rounds has a steady change of the machine's speed fall out.
func measureDeploys(ctx context.Context, s *session, _ fluxTimes) error {
	var alone, among []time.Duration
	for _, broken := range []bool{false, true, true, false} {
		took, err := s.deploy(ctx, broken)
		if err != nil {
			return err
		}
		if broken {
			among = append(among, took...)
		} else {
			alone = append(alone, took...)
		}
	}
	before, after := percentile(alone, 99), percentile(among, 99)
	s.out.seconds("healthy_deploy_p99_s_alone", before)
	s.out.seconds("healthy_deploy_p99_s", after)
	s.out.figure("healthy_deploy_p99_change_percent", (after.Seconds()/before.Seconds()-1)*100, "percent")
	return nil
}

// deploy makes one round. It ends when there is nothing more to do, with the broken ones still not up.
func (s *session) deploy(ctx context.Context, withBroken bool) (took []time.Duration, err error) {
	what, broken := "up, all healthy", none
	if withBroken {
		what, broken = "up, beside broken ones", isBroken
	}
	end, err := s.play(ctx, broken)
	if err != nil {
		return nil, err
	}
	defer joinEnd(&err, end)
	s.fleet.Commit++
	s.fleet.Source++
	began := time.Now()
	if err := s.push(ctx); err != nil {
		return nil, err
	}
	healthy := slices.DeleteFunc(s.fleet.names(), isBroken)
	at, err := s.watch.until(ctx, what, healthy, s.fleet.isServing)
	if err != nil {
		return nil, err
	}
	took = since(began, at)
	s.out.say("  %s: p50 %.2f s, p99 %.2f s", what, percentile(took, 50).Seconds(), percentile(took, 99).Seconds())
	return took, s.quiet(ctx)
}

// isBroken chooses three in ten, evenly spread.
func isBroken(tool string) bool {
	n, err := strconv.Atoi(strings.TrimPrefix(tool, prefixOf(tool)+"-"))
	return err == nil && n%10 < 3
}

// since tells how long after began each happened, the shortest first.
func since(began time.Time, at map[string]time.Time) []time.Duration {
	took := make([]time.Duration, 0, len(at))
	for then := range maps.Values(at) {
		took = append(took, then.Sub(began))
	}
	slices.Sort(took)
	return took
}
