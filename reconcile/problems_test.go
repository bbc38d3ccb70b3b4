package reconcile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

func TestMissingProcesses(t *testing.T) {
	const yaml = `webservice: {}
jobs:
  - name: a
    continuous: true
    process: worker
  - {name: b, schedule: "@daily", command: ./b}
`
	for _, test := range []struct {
		name    string
		offered []string
		want    []api.Problem
	}{
		{"all there", []string{"web", "worker"}, []api.Problem{}},
		{"one missing", []string{"web"}, []api.Problem{
			{Line: 5, Column: 14, Message: `the image has no process type "worker"; it has: web`, Section: "process-or-command"},
		}},
		{"none there", nil, []api.Problem{
			{Line: 1, Column: 13, Message: `the image has no process type "web"; it has none: add a Procfile, or write ` + "`command:` instead of `process:`", Section: "process-or-command"},
			{Line: 5, Column: 14, Message: `the image has no process type "worker"; it has none: add a Procfile, or write ` + "`command:` instead of `process:`", Section: "process-or-command"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := revision(yaml, "tree")
			got := told(missingProcesses(r.Manifest, map[string]render.Image{"main": {Processes: test.offered}}))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestTrouble(t *testing.T) {
	ended := func(code int32, reason, words string) corev1.ContainerState {
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, Message: words}}
	}
	waiting := func(reason, message string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	}
	for _, test := range []struct {
		name      string
		container corev1.ContainerStatus
		want      string
	}{
		{"fine", corev1.ContainerStatus{Ready: true}, ""},
		{"starting", corev1.ContainerStatus{State: waiting("ContainerCreating", "")}, ""},
		{"no image", corev1.ContainerStatus{State: waiting("ImagePullBackOff", "not found")}, "ImagePullBackOff: not found"},
		{"ended", corev1.ContainerStatus{LastTerminationState: ended(3, "Error", "")}, "the process ended with exit code 3"},
		{"last words", corev1.ContainerStatus{LastTerminationState: ended(1, "Error", "no such file\n"), State: waiting("CrashLoopBackOff", "back-off")},
			"the process ended with exit code 1, its last words: no such file"},
		{"memory", corev1.ContainerStatus{LastTerminationState: ended(137, "OOMKilled", "")},
			"the process was ended because it used more memory than it may"},
		{"recovered", corev1.ContainerStatus{Ready: true, LastTerminationState: ended(1, "Error", "")}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := trouble(test.container); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
