package build

import (
	"strings"
	"testing"
	"testing/synctest"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// runningPod is an attempt's pod in its phase build.
func runningPod(t *testing.T, r Request) *corev1.Pod {
	t.Helper()
	pod := attemptPod(t, r, 1)
	pod.Status = podIn(t, corev1.PodRunning, succeeded, active).Status
	return pod
}

func (b *bench) pod(name string) *corev1.Pod {
	b.t.Helper()
	pod := &corev1.Pod{}
	if err := b.store.Get(b.t.Context(), client.ObjectKey{Namespace: b.Config.Namespace, Name: name}, pod); err != nil {
		b.t.Fatal(err)
	}
	return pod
}

// A build that is ended for a newer commit goes when its log is kept, and not before; the newer one begins when nothing of it runs.
func TestCancel(t *testing.T) {
	r := testRequest()
	b := newBench(t, runningPod(t, r))
	b.Config.CancelSuperseded = true
	var kept KeptLog
	b.Logs = keeper(func() KeptLog { return kept })
	name, next := podName(r, 1), r.with(func(in *Inputs) { in.Tree = "ffff" })
	record := b.step(next, &api.Build{Name: r.Name, Key: r.Inputs.Key(), Source: r.Inputs.Tree, State: api.BuildRunning, Attempts: 1})
	ended := b.pod(name)
	if *ended.Spec.ActiveDeadlineSeconds != 1 || !strings.HasPrefix(ended.Annotations[cancelledAnnotation], "ended for commit ") {
		t.Errorf("%d s, %v", *ended.Spec.ActiveDeadlineSeconds, ended.Annotations)
	}
	if len(b.history) != 1 || b.history[0].Outcome != api.BuildOutcomeCancelled {
		t.Errorf("history: %+v", b.history)
	}
	b.wantRecord(record, api.BuildWaiting, 0)
	record = b.step(next, &record)
	if b.pod(name).ResourceVersion != ended.ResourceVersion {
		t.Error("it is ended twice")
	}
	over := podIn(t, corev1.PodFailed, succeeded, exited(137, "Error"))
	over.Status.Reason = "DeadlineExceeded"
	b.finish(name, over)
	record = b.step(next, &record)
	b.wantRecord(record, api.BuildRunning, 1)
	b.wantPods(podName(next, 1), name)
	kept = KeptLog{Read: true, Done: true}
	record = b.step(next, &record)
	b.wantRecord(record, api.BuildRunning, 1)
	b.wantPods(podName(next, 1))
	if b.history[0].Outcome != api.BuildOutcomeCancelled {
		t.Errorf("history: %+v", b.history)
	}
}

// One that has printed nothing has no log, and may never end by itself.
func TestCancelBeforeItRuns(t *testing.T) {
	r := testRequest()
	b := newBench(t, attemptPod(t, r, 1))
	b.Config.CancelSuperseded = true
	next := r.with(func(in *Inputs) { in.Tree = "ffff" })
	b.step(next, &api.Build{Name: r.Name, Key: r.Inputs.Key(), State: api.BuildRunning, Attempts: 1})
	b.wantPods(podName(next, 1))
}

// A build that is asked for again while it is being ended is run again: nobody says that it took too long.
func TestCancelledIsAskedForAgain(t *testing.T) {
	r := testRequest()
	pod := runningPod(t, r)
	pod.Annotations[cancelledAnnotation] = "ended for commit 1234567"
	b := newBench(t, pod)
	record := b.step(r, nil)
	b.wantRecord(record, api.BuildRunning, 1)
	over := podIn(t, corev1.PodFailed, succeeded, exited(137, "Error"))
	over.Status.Reason = "DeadlineExceeded"
	b.finish(pod.Name, over)
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildWaiting, 1)
	b.now = record.RetryAt.Time
	record = b.step(r, &record)
	b.wantRecord(record, api.BuildRunning, 2)
}

// A build that is not asked for any more is ended, and its log kept.
func TestLeave(t *testing.T) {
	r := testRequest()
	b := newBench(t, runningPod(t, r))
	var kept KeptLog
	b.Logs = keeper(func() KeptLog { return kept })
	last := api.Build{Name: r.Name, Key: r.Inputs.Key(), State: api.BuildRunning, Attempts: 1, StartedAt: at(-3600)}
	leave := func(want bool) {
		t.Helper()
		gone, history, err := b.Leave(t.Context(), r.Tool, last, b.history)
		if err != nil || gone != want {
			t.Errorf("gone: %v, %v", gone, err)
		}
		b.history = history
	}
	leave(false)
	if b.pod(podName(r, 1)).Annotations[cancelledAnnotation] != notAsked {
		t.Error("it goes on")
	}
	b.finish(podName(r, 1), podIn(t, corev1.PodFailed, succeeded, exited(137, "Error")))
	leave(false)
	b.wantPods(podName(r, 1))
	kept.Done = true
	leave(false)
	b.wantPods()
	leave(true)
	if len(b.history) != 1 || b.history[0].Outcome != api.BuildOutcomeCancelled {
		t.Errorf("history: %+v", b.history)
	}
}

// The log of a build that was ended says so where it breaks off.
func TestLogOfACancelledBuild(t *testing.T) {
	r := testRequest()
	pod, secret := loggedPod(r)
	pod.Annotations[cancelledAnnotation] = "ended for commit 1234567"
	kept := &keptLogs{}
	synctest.Test(t, func(t *testing.T) {
		l := newLogbook(printed{PhaseBuild: "building\nwith " + logPassword}, kept, pod, secret)
		l.Keep(r.Tool, r.Name, attemptAt(pod))
		synctest.Wait()
	})
	got := readLog(t, newLogbook(printed{}, kept), r, 1)
	if want := "building\nwith ***\n"; !strings.Contains(got, want) || !strings.HasSuffix(got, "\n[ended for commit 1234567]\n") {
		t.Errorf("kept: %q", got)
	}
}

// keeper says how far a log is kept.
type keeper func() KeptLog

func (k keeper) Keep(string, string, Attempt) KeptLog { return k() }
