package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// measureSize measures what depends on how many tools there are: memory, and the time that a start takes.
func (b *bench) measureSize(ctx context.Context) error {
	most := b.tools * 7 / 2
	memory, restart := []string{"memory_per_tool_kib"}, []string{fmt.Sprintf("restart_%d_s", most), "restart_writes"}
	if !b.out.wants(append(memory, restart...)...) {
		return nil
	}
	return b.withSession(ctx, func(ctx context.Context, s *session) error {
		if err := s.measureMemory(ctx, b.tools/2, most); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		if !b.out.wants(restart...) {
			return nil
		}
		if err := s.measureRestart(ctx, restart[0]); err != nil {
			return fmt.Errorf("restart: %w", err)
		}
		return nil
	})
}

// measureMemory adds tools, from the least to the most, and asks the daemon's process what is alive on its heap after a
// garbage collection when all are up: caches, queues and all that the controller remembers of the work it has just done.
// The slope over the number of tools leaves out what does not depend on it. The bench's own bookkeeping is in another
// process, and its stand-ins in the daemon's hold nothing for each tool.
func (s *session) measureMemory(ctx context.Context, least, most int) error {
	s.out.say("toolforged: memory of %d to %d tools", least, most)
	s.fleet = s.newFleet()
	s.fleet.Size = 0
	if err := s.push(ctx); err != nil {
		return err
	}
	var points []point
	for size := least; size <= most; size += (most - least) / 3 {
		from := s.fleet.Size
		s.fleet.Size = size
		heap, err := s.grow(ctx, from)
		if err != nil {
			return err
		}
		s.out.say("  %d tools: %.1f MiB", size, heap/(1<<20))
		points = append(points, point{float64(size), heap})
	}
	s.out.figure("memory_per_tool_kib", slope(points)/(1<<10), "KiB")
	return nil
}

// grow adds the tools from that number on and tells how many bytes are alive when all are up.
func (s *session) grow(ctx context.Context, from int) (float64, error) {
	if err := s.addTools(ctx, from); err != nil {
		return 0, err
	}
	if err := s.untilServing(ctx); err != nil {
		return 0, err
	}
	var heap uint64
	err := s.daemon.call(ctx, "Heap", struct{}{}, &heap)
	return float64(heap), err
}

// measureRestart ends the daemon and starts another. The clock runs from the start of its process until it has gone over
// every tool and has nothing more to do; then everything must be as it was.
func (s *session) measureRestart(ctx context.Context, figure string) error {
	s.out.say("toolforged: restart with %d tools", s.fleet.Size)
	if err := s.daemon.stop(); err != nil {
		return err
	}
	before, err := s.versions(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.startDaemon(ctx, s.fleet); err != nil {
		return err
	}
	var looked int
	if err := s.daemon.call(ctx, "GoneOver", s.fleet.Size, &looked); err != nil {
		return err
	}
	took := time.Since(began)
	if err := s.quiet(ctx); err != nil {
		return err
	}
	calls, err := s.calls(ctx)
	if err != nil {
		return err
	}
	after, err := s.versions(ctx)
	if err != nil {
		return err
	}
	s.out.tell("toolforged, restart", calls, s.fleet.Size)
	s.out.seconds(figure, took)
	s.out.figure("restart_writes", float64(calls.count(Call.writes)), "calls")
	if !maps.Equal(before, after) {
		return errors.New("the restart changed objects")
	}
	return nil
}

// versions are the resource versions of all that toolforged keeps, by UID.
func (s *session) versions(ctx context.Context) (map[string]string, error) {
	versions := make(map[string]string)
	for _, kind := range keptKinds() {
		list := &metav1.PartialObjectMetadataList{}
		list.SetGroupVersionKind(kind)
		if err := s.server.admin.List(ctx, list); err != nil {
			return nil, fmt.Errorf("list objects of kind %s: %w", kind.Kind, err)
		}
		for i := range list.Items {
			versions[string(list.Items[i].UID)] = list.Items[i].ResourceVersion
		}
	}
	return versions, nil
}
