package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// numbered is the name of a figure that says of how many tools it is.
func (b *bench) numbered(name string) string {
	return strings.Replace(name, "N", strconv.Itoa(b.tools), 1)
}

// newFleet is that of most figures: tools of four objects, with a first commit.
func (b *bench) newFleet() Fleet {
	return Fleet{Prefix: "tool", Size: b.tools, Commit: 1, Source: 1, Manifest: siteAndJob}
}

// warmFleet is for the first use of everything, which takes longer than any other.
func warmFleet() Fleet {
	return Fleet{Prefix: "warm", Size: 20, Commit: 1, Source: 1, Manifest: siteAndJob}
}

// stage measures one thing. It finds all tools up and nothing to do, and leaves them so.
type stage struct {
	name string
	// figures are all that it prints. It is left out when none of them is asked for.
	figures []string
	measure func(context.Context, *session, fluxTimes) error
}

// stages are in the order in which they are measured.
func (b *bench) stages() []stage {
	return []stage{
		{"nothing changed", []string{"idle_calls_per_tool", "idle_pass_s", "idle_pass_ratio"}, measureIdle},
		{"hand edits", []string{"drift_heal_ms", "drift_heal_max_ms"}, measureDrift},
		{"image changed", []string{
			"image_change_calls_per_tool", "image_change_status_writes_per_tool", "image_change_other_calls_per_tool",
			b.numbered("image_change_N_s"), b.numbered("image_change_N_ratio"),
		}, measureChange},
		{"rollouts that never become healthy", []string{
			"healthy_deploy_p99_s_alone", "healthy_deploy_p99_s", "healthy_deploy_p99_change_percent",
		}, measureDeploys},
	}
}

// measureWork measures what toolforged has to do, stage after stage, beside theirs.
func (b *bench) measureWork(ctx context.Context, theirs fluxTimes) error {
	var wanted []stage
	for _, stage := range b.stages() {
		if b.out.wants(stage.figures...) {
			wanted = append(wanted, stage)
		}
	}
	if len(wanted) == 0 && !b.out.wants(b.numbered("create_N_s"), b.numbered("create_N_ratio")) {
		return nil
	}
	return b.withSession(ctx, func(ctx context.Context, s *session) error {
		if err := measureCreate(ctx, s, theirs); err != nil {
			return fmt.Errorf("creating: %w", err)
		}
		for _, stage := range wanted {
			b.out.say("toolforged: %s", stage.name)
			if err := stage.measure(ctx, s, theirs); err != nil {
				return fmt.Errorf("%s: %w", stage.name, err)
			}
		}
		return nil
	})
}
