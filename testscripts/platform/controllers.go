package platform

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// SignalControllers sends a signal to Kubernetes' controllers, of CronJobs among them: SIGSTOP has them hang, SIGCONT go on. It
// needs the local cluster, whose process's number is in the file.
func SignalControllers(pidFile string, signal syscall.Signal) error {
	data, err := os.ReadFile(pidFile)
	if err != nil {
		return fmt.Errorf("find the controllers of the local cluster: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return fmt.Errorf("%s: %w", pidFile, err)
	}
	if err := syscall.Kill(pid, signal); err != nil {
		return fmt.Errorf("send %s to process %d: %w", signal, pid, err)
	}
	return nil
}
