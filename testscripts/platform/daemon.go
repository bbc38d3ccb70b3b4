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
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// KillDaemon kills every process of the daemon with SIGKILL: all replicas. It needs the local cluster: its containers are
// processes here.
func (p *Platform) KillDaemon() error {
	processes, err := daemonProcesses()
	if err != nil {
		return err
	}
	if len(processes) == 0 {
		return fmt.Errorf("no process of the daemon runs on this machine")
	}
	for _, process := range processes {
		if err := process.kill(); err != nil {
			return err
		}
	}
	return nil
}

// KillLeader kills the process of the replica that leads with SIGKILL.
func (p *Platform) KillLeader(ctx context.Context) error {
	pod, _, err := p.leader(ctx)
	if err != nil {
		return err
	}
	processes, err := daemonProcesses()
	if err != nil {
		return err
	}
	for _, process := range processes {
		if process.pod == pod {
			return process.kill()
		}
	}
	return fmt.Errorf("no process of pod %s, which leads, runs on this machine", pod)
}

// daemonProcess is one replica of the daemon, as a process of this machine.
type daemonProcess struct {
	pid int
	pod string
}

func (d daemonProcess) kill() error {
	if err := syscall.Kill(d.pid, syscall.SIGKILL); err != nil && err != syscall.ESRCH {
		return fmt.Errorf("kill process %d: %w", d.pid, err)
	}
	return nil
}

func daemonProcesses() ([]daemonProcess, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var processes []daemonProcess
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if !strings.HasPrefix(string(data), "/toolforged\x00") {
			continue
		}
		var process daemonProcess
		if _, err := fmt.Sscanf(path, "/proc/%d/cmdline", &process.pid); err != nil {
			return nil, err
		}
		environment, err := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if err != nil {
			continue
		}
		for variable := range strings.SplitSeq(string(environment), "\x00") {
			if name, found := strings.CutPrefix(variable, "HOSTNAME="); found {
				process.pod = name
			}
		}
		processes = append(processes, process)
	}
	return processes, nil
}

// DaemonReady waits until a process of each replica runs, all of them are ready, the status endpoint answers, and one
// leads.
//
// The pods are replaced first: a container that was killed again and again is started later and later by the kubelet.
func (p *Platform) DaemonReady(ctx context.Context) error {
	err := p.Client.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(daemonNamespace),
		client.MatchingLabels{"app.kubernetes.io/name": "toolforged"}, client.GracePeriodSeconds(0))
	if err != nil {
		return fmt.Errorf("delete the daemon's pods: %w", err)
	}
	return wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		processes, err := daemonProcesses()
		if err != nil {
			return false, err
		}
		var deployment appsv1.Deployment
		if err := p.Client.Get(ctx, client.ObjectKey{Namespace: daemonNamespace, Name: "toolforged-0"}, &deployment); err != nil {
			return false, nil
		}
		replicas := deployment.Status.Replicas
		if replicas == 0 || deployment.Status.ReadyReplicas != replicas || len(processes) != int(replicas) {
			return false, nil
		}
		if status, _, err := p.Visit(ctx, p.Status+"readyz"); err != nil || status != 200 {
			return false, nil
		}
		_, _, err = p.leader(ctx)
		return err == nil, nil
	})
}

// Passed waits until the leader has reconciled every tool twice since it started, and has nothing left to do.
func (p *Platform) Passed(ctx context.Context) error {
	return wait.PollUntilContextCancel(ctx, look, true, func(ctx context.Context) (bool, error) {
		var tools api.ToolList
		if err := p.Client.List(ctx, &tools); err != nil {
			return false, nil
		}
		_, metrics, err := p.leader(ctx)
		if err != nil {
			return false, nil
		}
		passes := sum(metrics, `controller_runtime_reconcile_total{controller="tool"`)
		left := sum(metrics, `workqueue_depth{controller="tool"`)
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
