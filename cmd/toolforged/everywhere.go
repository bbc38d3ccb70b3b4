package main

import (
	"context"

	"sigs.k8s.io/controller-runtime/pkg/manager"
)

// everywhere is work that every replica does, whether it leads or not.
type everywhere func(context.Context) error

// Start does the work.
func (f everywhere) Start(ctx context.Context) error { return f(ctx) }

// NeedLeaderElection tells the manager not to wait for the Lease.
func (everywhere) NeedLeaderElection() bool { return false }

// Interface guard.
var _ manager.LeaderElectionRunnable = everywhere(nil)
