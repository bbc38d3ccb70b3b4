package cluster

import (
	"fmt"
	"io"
	"time"
)

// steps says on out when each step begins and how long the last one took.
type steps struct {
	out   io.Writer
	first time.Time
	last  time.Time
}

func newSteps(out io.Writer) *steps {
	now := time.Now()
	return &steps{out: out, first: now}
}

func (s *steps) begin(what string) {
	s.finish()
	s.last = time.Now()
	fmt.Fprintln(s.out, "==> "+what)
}

func (s *steps) finish() {
	if !s.last.IsZero() {
		fmt.Fprintf(s.out, "    took %.1f s\n", time.Since(s.last).Seconds())
		s.last = time.Time{}
	}
}

func (s *steps) total() string { return fmt.Sprintf("%.1f s", time.Since(s.first).Seconds()) }
