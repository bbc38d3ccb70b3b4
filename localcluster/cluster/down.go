package cluster

import (
	"context"
	"fmt"
	"io"

	"github.com/toolforge/toolforged/localcluster/host"
)

// Down stops every cluster of this project on this machine, also one of another
// checkout and one that is only half there, and removes all it has outside of
// its root directory. What is in the root directory stays for the next start.
func Down(ctx context.Context, c Config, out io.Writer) error {
	unlock, err := lock(out)
	if err != nil {
		return err
	}
	defer unlock()
	s := newSteps(out)
	s.begin("Stopping the cluster")
	if err := host.Clear(ctx, c.Root); err != nil {
		return fmt.Errorf("stopping the cluster: %w", err)
	}
	s.finish()
	return nil
}
