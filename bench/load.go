package main

import (
	"fmt"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/metrics"
)

// load is what the controller does, by its own metrics.
type load struct {
	// done counts the passes made, queued the tools to be gone over, working those that are being gone over.
	done, queued, working float64
}

func (l load) idle() bool { return l.queued == 0 && l.working == 0 }

// readLoad sums up over what is the only controller of this process.
func readLoad() (load, error) {
	families, err := metrics.Registry.Gather()
	if err != nil {
		return load{}, fmt.Errorf("read the controller's metrics: %w", err)
	}
	sums := make(map[string]float64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			sums[family.GetName()] += metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
		}
	}
	return load{
		done:    sums["controller_runtime_reconcile_total"],
		queued:  sums["workqueue_depth"],
		working: sums["controller_runtime_active_workers"],
	}, nil
}

// lookEvery is how exactly until knows when something happened.
const lookEvery = 10 * time.Millisecond

// until looks at the load until it is as wanted.
func (d *Daemon) until(wanted func(load) bool) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		now, err := readLoad()
		if err != nil || wanted(now) {
			return err
		}
		select {
		case <-d.ctx.Done():
			return d.ctx.Err()
		case <-ticker.C:
		}
	}
}
