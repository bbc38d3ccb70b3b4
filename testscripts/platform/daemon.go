package platform

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// KillDaemon kills the daemon's process with SIGKILL. It needs the local cluster: its containers are processes here.
func (p *Platform) KillDaemon() error {
	pids, err := daemonProcesses()
	if err != nil {
		return err
	}
	if len(pids) == 0 {
		return fmt.Errorf("no process of the daemon runs on this machine")
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
			return fmt.Errorf("kill process %d: %w", pid, err)
		}
	}
	return nil
}

func daemonProcesses() ([]int, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var pids []int
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if strings.HasPrefix(string(data), "/toolforged\x00") {
			var pid int
			if _, err := fmt.Sscanf(path, "/proc/%d/cmdline", &pid); err != nil {
				return nil, err
			}
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// DaemonReady waits until a daemon's process runs and the Deployment is available.
func (p *Platform) DaemonReady(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		pids, err := daemonProcesses()
		if err != nil || len(pids) == 0 {
			return false, err
		}
		var deployment appsv1.Deployment
		if err := p.Client.Get(ctx, client.ObjectKey{Namespace: "toolforged", Name: "toolforged"}, &deployment); err != nil {
			return false, nil
		}
		status, _, err := p.Visit(ctx, p.Status+"readyz")
		return err == nil && status == 200 && deployment.Status.ReadyReplicas == 1, nil
	})
}

// Passed waits until the daemon has reconciled every tool twice since it started, and has nothing left to do.
func (p *Platform) Passed(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		var tools api.ToolList
		if err := p.Client.List(ctx, &tools); err != nil {
			return false, nil
		}
		status, body, err := p.Visit(ctx, p.Status+"metrics")
		if err != nil || status != 200 {
			return false, nil
		}
		passes := sum(body, `controller_runtime_reconcile_total{controller="tool"`)
		left := sum(body, `workqueue_depth{controller="tool"`)
		return passes >= 2*float64(len(tools.Items)) && left == 0, nil
	})
}

// sum adds up the values of the metrics whose names and labels begin with a prefix.
func sum(metrics, prefix string) float64 {
	total := 0.0
	for line := range strings.Lines(metrics) {
		if !strings.HasPrefix(line, prefix) {
			continue
		}
		fields := strings.Fields(line)
		if value, err := strconv.ParseFloat(fields[len(fields)-1], 64); err == nil {
			total += value
		}
	}
	return total
}
