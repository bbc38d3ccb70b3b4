package status_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/status"
)

func ofZeta(name, job, component string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Namespace: "tool-zeta", Name: name, UID: types.UID("uid-of-" + name), CreationTimestamp: before(time.Hour),
		Labels: map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.ManagedBy, v1alpha1.ToolLabel: "zeta",
			v1alpha1.ComponentLabel: component, v1alpha1.NameLabel: job,
		},
	}
}

// run is a Job of the job nightly.
func run(name string, due time.Duration, ends ...batchv1.JobCondition) *batchv1.Job {
	job := &batchv1.Job{ObjectMeta: ofZeta(name, "nightly", v1alpha1.ScheduledJobComponent)}
	job.Annotations = map[string]string{batchv1.CronJobScheduledTimestampAnnotation: now.Add(-due).Format(time.RFC3339)}
	started := before(due)
	job.Status = batchv1.JobStatus{StartTime: &started, Conditions: ends, Failed: 1}
	return job
}

func runPod(name, job string, status corev1.PodStatus) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: ofZeta(name, "nightly", v1alpha1.ScheduledJobComponent), Status: status}
	pod.Labels[batchv1.JobNameLabel] = job
	pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "Job", Name: job, UID: types.UID("uid-of-" + job), Controller: ptr.To(true)}}
	return pod
}

func exited(code int32) corev1.PodStatus {
	return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
		State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Message: hostile}},
	}}}
}

// jobObjects are those of the tool zeta's jobs: one that runs each night, fails and does not start, and one that crashes.
func jobObjects() []client.Object {
	nightly := &batchv1.CronJob{ObjectMeta: ofZeta("nightly", "nightly", v1alpha1.ScheduledJobComponent)}
	nightly.Spec.Schedule = "0 3 * * *"
	nightly.Status.LastSuccessfulTime = ptr.To(before(47 * time.Hour))
	consumer := &appsv1.Deployment{ObjectMeta: ofZeta("consumer", "consumer", v1alpha1.ContinuousJobComponent)}
	consumer.Spec.Replicas = ptr.To(int32(2))
	consumer.Status.ReadyReplicas = 1
	site := &appsv1.Deployment{ObjectMeta: ofZeta("webservice", "webservice", "webservice")}
	crashed := &corev1.Pod{ObjectMeta: ofZeta("consumer-1", "consumer", v1alpha1.ContinuousJobComponent), Status: corev1.PodStatus{
		ContainerStatuses: []corev1.ContainerStatus{{
			State:                corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off"}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 4, Message: hostile}},
		}},
	}}
	return []client.Object{
		nightly, consumer, site, crashed,
		run("nightly-3", 9*time.Minute),
		run("nightly-2", 24*time.Hour, batchv1.JobCondition{Type: batchv1.JobFailed, Status: corev1.ConditionTrue, LastTransitionTime: before(23 * time.Hour)}),
		run("nightly-1", 48*time.Hour, batchv1.JobCondition{Type: batchv1.JobComplete, Status: corev1.ConditionTrue, LastTransitionTime: before(47 * time.Hour)}),
		runPod("nightly-3-a", "nightly-3", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no image " + hostile}},
		}}}),
		runPod("nightly-2-a", "nightly-2", exited(3)),
		runPod("nightly-1-a", "nightly-1", exited(0)),
	}
}

// logs are those of pods that have any: the pod's name and what was asked for.
type logs struct{}

func (logs) Read(_ context.Context, namespace, pod string, o *corev1.PodLogOptions) (io.ReadCloser, error) {
	switch {
	case namespace != "tool-zeta":
		return nil, errors.New("another namespace: " + namespace)
	case pod == "nightly-3-a":
		return nil, apierrors.NewBadRequest("container is waiting to start")
	case pod == "nightly-1-a":
		return io.NopCloser(strings.NewReader(strings.Repeat("line\n", 500_000) + "\x1b[31mthe end")), nil
	}
	which := "now"
	if o.Previous {
		which = "before"
	}
	return io.NopCloser(strings.NewReader(pod + " " + o.Container + " " + which + "\n")), nil
}

func TestJobLog(t *testing.T) {
	h := sampleHandler(t)
	const path = "/api/v1/tools/zeta/jobs/"
	for _, test := range []struct {
		target, want string
		code         int
	}{
		{path + "nightly/log?run=failed", "nightly-2-a nightly now\n", 200},
		{path + "nightly/log?run=nightly-2", "nightly-2-a nightly now\n", 200},
		{path + "nightly/log", "the run has written nothing that is still there", 404},
		{path + "nightly/log?run=nightly-0", "no such run", 404},
		{path + "nightly/log?run=consumer-1", "no such run", 404},
		{path + "consumer/log", "consumer-1 consumer now\n", 200},
		{path + "consumer/log?run=failed", "consumer-1 consumer before\n", 200},
		{path + "webservice/log", "there is no such job", 404},
		{path + "NIGHTLY/log", "no job or run of that name", 404},
		{path + "nightly/log?run=../x", "no job or run of that name", 404},
		{"/api/v1/tools/none/jobs/nightly/log", "there is no tool of that name", 404},
		{"/api/v1/tools/alpha/jobs/nightly/log", "there is no such job", 404},
	} {
		w := get(h, test.target)
		if w.Code != test.code || !strings.Contains(w.Body.String(), test.want) {
			t.Errorf("%s: got %d %q, want %d %q", test.target, w.Code, w.Body, test.code, test.want)
		}
	}
}

// The end of a log is shown, and no more than 1 MiB of it.
func TestJobLogIsBounded(t *testing.T) {
	body := get(sampleHandler(t), "/api/v1/tools/zeta/jobs/nightly/log?run=nightly-1").Body.String()
	if !strings.HasPrefix(body, "…\nline\n") || !strings.HasSuffix(body, "line\nthe end") {
		t.Errorf("the log is %q … %q", body[:20], body[len(body)-20:])
	}
	if len(body) > 1<<20+10 || len(body) < 1<<20-10 {
		t.Errorf("the log has %d bytes", len(body))
	}
}

// Without leave, no output of a job is shown anywhere, nor a link to it.
func TestJobLogsAreOffUnlessAskedFor(t *testing.T) {
	o := options(t, reader(t, sample()...))
	o.Logs = nil
	h := status.New(o)
	if w := get(h, "/api/v1/tools/zeta/jobs/nightly/log?run=failed"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "may be private") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	for _, target := range []string{"/tools/zeta", "/api/v1/tools/zeta"} {
		if body := get(h, target).Body.String(); strings.Contains(body, "/log") {
			t.Errorf("%s has a link to a log", target)
		}
	}
}

func TestToolPageTellsOfJobs(t *testing.T) {
	page := text(parse(t, get(sampleHandler(t), "/tools/zeta").Body.String()))
	for _, want := range []string{
		"nightly Schedule 0 3 * * * UTC Next run 2026-11-24 03:00:00 UTC Last success 47 hours ago",
		"2026-11-23 11:51:00 UTC Running has not started: ErrImagePull: no image " + hostile,
		"2026-11-22 12:00:00 UTC Failed failed with exit code 3 Output 24 hours ago", "took 1h0m0s",
		"2026-11-21 12:00:00 UTC Succeeded succeeded Output",
		"2026-11-23 11:20:00 UTC to 2026-11-23 11:30:00 UTC 3 Skipped " + hostile,
		"consumer 1 of 2 up Message its process ended with exit code 4",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	if strings.Contains(page, "webservice Schedule") {
		t.Error("the webservice is told of as a job")
	}
}

// counting counts the requests for pods.
type counting struct {
	client.Reader
	asked int
	err   error
}

func (c *counting) List(ctx context.Context, list client.ObjectList, o ...client.ListOption) error {
	c.asked++
	if c.err != nil {
		return c.err
	}
	return c.Reader.List(ctx, list, o...)
}

// The API server is asked only where there is trouble, and then not by each view.
func TestPodsAreSeldomAskedFor(t *testing.T) {
	from := reader(t, sample()...)
	live := &counting{Reader: from}
	o := options(t, from)
	o.Live = live
	at := now
	o.Now = func() time.Time { return at }
	h := status.New(o)
	get(h, "/tools/alpha")
	get(h, "/api/v1/tools")
	if live.asked != 0 {
		t.Errorf("asked %d times for tools without trouble", live.asked)
	}
	for range 10 {
		get(h, "/tools/zeta")
	}
	if live.asked != 1 {
		t.Errorf("10 views at once asked %d times", live.asked)
	}
	at = at.Add(6 * time.Second)
	live.err = apierrors.NewTooManyRequests("slow down", 1)
	w := get(h, "/tools/zeta")
	if live.asked != 2 || w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "Failed") {
		t.Errorf("a view later asked %d times in all and got %d", live.asked, w.Code)
	}
}
