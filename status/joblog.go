package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	batchv1 "k8s.io/api/batch/v1"

	"github.com/toolforge/toolforged/api/runs"
	"github.com/toolforge/toolforged/api/v1alpha1"
)

const (
	// maxJobLog is how much of the end of a job's log is shown, in bytes and lines.
	maxJobLog      = 1 << 20
	maxJobLogLines = 20_000
	// maxJobLogRead bounds what is read to find that end, logTimeout how long that may take.
	maxJobLogRead = 64 << 20
	logTimeout    = 20 * time.Second
)

// Logs reads what the container of a pod has written.
type Logs interface {
	// Read begins to read the last lines, as options have it.
	Read(ctx context.Context, namespace, pod string, options *corev1.PodLogOptions) (io.ReadCloser, error)
}

// PodLogs reads logs from the API server.
type PodLogs struct{ Client kubernetes.Interface }

// Read is the log as the API server streams it.
func (l PodLogs) Read(ctx context.Context, namespace, pod string, options *corev1.PodLogOptions) (io.ReadCloser, error) {
	return l.Client.CoreV1().Pods(namespace).GetLogs(pod, options).Stream(ctx)
}

// jobLogs serves the end of the output of jobs.
type jobLogs struct {
	api
	logs Logs
	slot chan struct{}
}

// noLogs is the answer where logs are not shown.
const noLogs = "the output of jobs is not shown here: this address has no login, and what a job prints may be private. " +
	"An administrator can switch it on, or read it with kubectl logs"

// errNoLog: there is nothing to show.
type errNoLog string

func (e errNoLog) Error() string { return string(e) }

var (
	jobName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$`)
	runName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
)

func (l jobLogs) serve(w http.ResponseWriter, r *http.Request) {
	if l.logs == nil {
		l.answer(w, http.StatusForbidden, Error{noLogs})
		return
	}
	job, run := r.PathValue("job"), r.URL.Query().Get("run")
	if run == "" {
		run = "last"
	}
	if !jobName.MatchString(job) || !runName.MatchString(run) {
		l.answer(w, http.StatusNotFound, Error{"there is no job or run of that name"})
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), logTimeout)
	defer cancel()
	select {
	case l.slot <- struct{}{}:
		defer func() { <-l.slot }()
	case <-ctx.Done():
		l.fail(w, errors.New("too many logs are being read at once"))
		return
	}
	text, err := l.read(ctx, r.PathValue("name"), job, run)
	var none errNoLog
	switch {
	case errors.As(err, &none):
		l.answer(w, http.StatusNotFound, Error{none.Error()})
	case err != nil:
		l.fail(w, err)
	default:
		writeText(w, http.StatusOK, text)
	}
}

// read finds the pod of a run and reads the end of its log.
func (l jobLogs) read(ctx context.Context, toolName, job, run string) (string, error) {
	tool, err := l.store.resource(ctx, toolName)
	if err != nil {
		return "", err
	}
	pod, previous, err := l.store.podOf(ctx, tool, job, run)
	if err != nil {
		return "", err
	}
	stream, err := l.logs.Read(ctx, tool.TargetNamespace(), pod.Name, &corev1.PodLogOptions{
		Container: job, TailLines: ptr.To(int64(maxJobLogLines)), Previous: previous,
	})
	switch {
	case apierrors.IsNotFound(err), apierrors.IsBadRequest(err):
		return "", errNoLog("the run has written nothing that is still there")
	case err != nil:
		return "", fmt.Errorf("reading the log of pod %s: %w", pod.Name, err)
	}
	defer stream.Close()
	end := &tail{most: maxJobLog}
	if _, err := io.Copy(end, io.LimitReader(stream, maxJobLogRead)); err != nil {
		return "", fmt.Errorf("reading the log of pod %s: %w", pod.Name, err)
	}
	return plain(end.String()), nil
}

// podOf is the newest pod of a run of a job. Previous tells that it is the container before the one that runs that is asked
// for: the last that failed, of a continuous job.
func (s store) podOf(ctx context.Context, tool *v1alpha1.Tool, job, run string) (pod *corev1.Pod, previous bool, err error) {
	var taken batchv1.JobList
	if err := s.reader.List(ctx, &taken, uncopied, ofTool(tool)); err != nil {
		return nil, false, fmt.Errorf("listing the Jobs of tool %s: %w", tool.Name, err)
	}
	all := s.pods.of(ctx, tool)
	name := ""
	for _, r := range runsOf(job, taken.Items, all) {
		failed := r.Over() && r.Outcome != runs.Succeeded
		if run == r.Name || run == "last" || run == "failed" && failed {
			name = r.Name
			break
		}
	}
	for i := range all {
		p := &all[i]
		if p.Labels[v1alpha1.NameLabel] != job {
			continue
		}
		if p.Labels[batchv1.JobNameLabel] == name && name != "" {
			return p, false, nil
		}
		if p.Labels[v1alpha1.ComponentLabel] == v1alpha1.ContinuousJobComponent && (run == "last" || run == p.Name) {
			return p, false, nil
		}
		if p.Labels[v1alpha1.ComponentLabel] == v1alpha1.ContinuousJobComponent && run == "failed" && restarted(p) {
			return p, true, nil
		}
	}
	if name != "" {
		return nil, false, errNoLog("the output of that run is not kept: its pod is gone")
	}
	return nil, false, errNoLog("there is no such job, or no such run of it is kept: only the last that succeeded and the last that failed are")
}

func restarted(pod *corev1.Pod) bool {
	for _, container := range pod.Status.ContainerStatuses {
		if container.LastTerminationState.Terminated != nil {
			return true
		}
	}
	return false
}
