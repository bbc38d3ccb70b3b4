package build

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/build/tekton"
	tektonv1 "github.com/toolforge/toolforged/build/tekton/v1"
)

// The steps of a TaskRun are the containers of a pod: with the same bounds and privileges, and credentials where they have them.
func TestTaskRun(t *testing.T) {
	c, r := testConfig(), testRequest()
	c.RegistrySecret, r.SecretName = "registry", "wiki-repository"
	pod, run := Pod(c, r, 3), TaskRun(c, r, 3)
	if diff := cmp.Diff(pod.ObjectMeta, run.ObjectMeta); diff != "" {
		t.Errorf("it is called otherwise:\n%s", diff)
	}
	if run.Spec.Timeout.Duration != c.Timeout || *run.Spec.PodTemplate.AutomountServiceAccountToken {
		t.Errorf("%+v", run.Spec)
	}
	if diff := cmp.Diff(pod.Spec.SecurityContext, run.Spec.PodTemplate.SecurityContext); diff != "" {
		t.Error(diff)
	}
	for i, container := range containers(pod) {
		step := run.Spec.TaskSpec.Steps[i]
		if step.Name != container.Name || step.Image != container.Image {
			t.Errorf("step %d is %s of %s", i, step.Name, step.Image)
		}
		if diff := cmp.Diff(container.SecurityContext, step.SecurityContext); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(container.Resources, step.ComputeResources); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(container.Command, step.Command); diff != "" {
			t.Error(diff)
		}
		seen := secretsSeen(&corev1.Pod{Spec: corev1.PodSpec{Volumes: run.Spec.TaskSpec.Volumes}}, corev1.Container{VolumeMounts: step.VolumeMounts, Env: step.Env})
		if diff := cmp.Diff(secretsSeen(pod, container), seen); diff != "" {
			t.Errorf("%s reads other Secrets:\n%s", step.Name, diff)
		}
	}
	export := run.Spec.TaskSpec.Steps[2]
	if got := strings.Join(export.Args[:2], " "); got != "-begin-file=/told/build-ended -tekton-step=2" {
		t.Errorf("export does not wait: %s", got)
	}
}

// Nothing that a maintainer writes is replaced by Tekton.
func TestTaskRunIsLiteral(t *testing.T) {
	c, r := testConfig(), testRequest()
	r.Repository = "https://forge.example/$(steps.build.results.x)"
	for _, step := range TaskRun(c, r, 1).Spec.TaskSpec.Steps {
		texts := append(append([]string{step.Image}, step.Command...), step.Args...)
		for _, env := range step.Env {
			texts = append(texts, env.Value)
		}
		for _, text := range texts {
			if tekton.HasVariable(text) {
				t.Errorf("%s: Tekton replaces something in %q", step.Name, text)
			}
		}
	}
}

// stepState is that of one step's container.
type stepState struct {
	exit    int32
	running bool
	ending  string
}

// stepsIn is the pod of a TaskRun in a phase of its own.
func stepsIn(phase corev1.PodPhase, states ...stepState) *corev1.Pod {
	run := TaskRun(testConfig(), testRequest(), 1)
	pod := &corev1.Pod{ObjectMeta: *run.ObjectMeta.DeepCopy()}
	pod.Name += "-pod"
	pod.Labels[api.ManagedByLabel] = "tekton-pipelines"
	pod.Labels[tekton.TaskRunLabel] = run.Name
	pod.Spec.ActiveDeadlineSeconds = Pod(testConfig(), testRequest(), 1).Spec.ActiveDeadlineSeconds
	pod.Status.Phase = phase
	for i, step := range run.Spec.TaskSpec.Steps {
		name := tekton.Container(step.Name)
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name, Resources: step.ComputeResources})
		if i >= len(states) {
			continue
		}
		status := corev1.ContainerStatus{Name: name}
		if states[i].running {
			status.State.Running = &corev1.ContainerStateRunning{}
		} else {
			message := `[{"key":"StartedAt","value":"x","type":3}]`
			if states[i].ending != "" {
				message = `[{"key":"StartedAt","value":"x","type":3},{"key":"ending","value":"` +
					base64.StdEncoding.EncodeToString([]byte(states[i].ending)) + `","type":4}]`
			}
			status.State.Terminated = &corev1.ContainerStateTerminated{ExitCode: states[i].exit, Message: message,
				StartedAt: metav1.Unix(1000, 0), FinishedAt: metav1.Unix(1010, 0)}
		}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
	return pod
}

func outcome(status corev1.ConditionStatus, reason, message string) *tektonv1.TaskRun {
	run := TaskRun(testConfig(), testRequest(), 1)
	if status != "" {
		run.Status.Conditions = []tektonv1.Condition{{Type: "Succeeded", Status: status, Reason: reason, Message: message}}
	}
	return run
}

func TestObserveRun(t *testing.T) {
	waits := stepState{running: true}
	prepared := stepState{ending: `{"phases":[{"name":"prepare","ms":1200}]}`}
	built := stepState{ending: `{"phases":[{"name":"detect","ms":10},{"name":"restore","ms":20},{"name":"build","ms":5000}]}`}
	for name, test := range map[string]struct {
		run            *tektonv1.TaskRun
		pod            *corev1.Pod
		state          api.BuildState
		phase, message string
		bound          string
		again, ended   bool
		phases         int
	}{
		"no pod yet": {outcome("", "", ""), nil, api.BuildRunning, "prepare", "waits for Tekton's controller to make its pod", "", false, false, 0},
		"refused":    {outcome("False", "TaskRunValidationFailed", "no"), nil, api.BuildFailed, "prepare", "Tekton ended the build: TaskRunValidationFailed: no", "", true, true, 0},
		"preparing":  {outcome("Unknown", "Running", ""), stepsIn(corev1.PodRunning, waits, waits, waits), api.BuildRunning, "prepare", "", "", false, false, 0},
		"building":   {outcome("Unknown", "Running", ""), stepsIn(corev1.PodRunning, prepared, waits, waits), api.BuildRunning, "build", "", "", false, false, 0},
		"exporting":  {outcome("Unknown", "Running", ""), stepsIn(corev1.PodRunning, prepared, built, waits), api.BuildRunning, "export", "", "", false, false, 0},
		"succeeded": {outcome("True", "Succeeded", ""), stepsIn(corev1.PodSucceeded, prepared, built, stepState{ending: `{"phases":[{"name":"export","ms":900}]}`}),
			api.BuildSucceeded, "export", "", "", false, true, 5},
		"succeeded, Tekton has not seen it": {outcome("Unknown", "Running", ""), stepsIn(corev1.PodSucceeded, prepared, built, stepState{}), api.BuildSucceeded, "export", "", "", false, true, 4},
		"succeeded, without a pod":          {outcome("True", "Succeeded", ""), nil, api.BuildSucceeded, "export", "", "", false, true, 0},
		"the repository is gone": {outcome("False", "Failed", ""), stepsIn(corev1.PodFailed, stepState{exit: 1, ending: `{"message":"no such commit"}`}, stepState{exit: 1}, stepState{exit: 1}),
			api.BuildFailed, "prepare", "no such commit", "", false, true, 0},
		"the build fails": {outcome("False", "Failed", ""), stepsIn(corev1.PodFailed, prepared, stepState{exit: 51, ending: built.ending}, stepState{exit: 1}),
			api.BuildFailed, "build", "exit code 51", "", false, true, 4},
		// Nobody wrote the file for which export waits.
		"the build is killed": {outcome("Unknown", "Running", ""), stepsIn(corev1.PodRunning, prepared, stepState{exit: 137}, waits),
			api.BuildFailed, "build", "exit code 137", "", false, true, 1},
		"the registry fails": {outcome("False", "Failed", ""), stepsIn(corev1.PodFailed, prepared, built, stepState{exit: 2, ending: `{"message":"the registry is full"}`}),
			api.BuildFailed, "export", "the registry is full", "", true, true, 4},
		"too long": {outcome("False", tektonv1.ReasonTimeout, ""), nil, api.BuildFailed, "build", "took longer than the 10m0s a build may take", "time", false, true, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if test.bound == "time" {
				test.message = strings.Replace(test.message, "10m0s", testConfig().Timeout.String(), 1)
			}
			got := attemptOfRun(test.run, test.pod)
			if got.State != test.state || got.Phase != test.phase || !strings.Contains(got.Message, test.message) || test.message == "" && got.Message != "" {
				t.Errorf("%s in %s: %q", got.State, got.Phase, got.Message)
			}
			if got.Again != test.again || got.Ended != test.ended || got.Bound != test.bound || len(got.Phases) != test.phases && test.state != api.BuildRunning {
				t.Errorf("again %v, ended %v, bound %q, phases %v", got.Again, got.Ended, got.Bound, got.Phases)
			}
			if got.Number != 1 || got.Key != testRequest().Inputs.Key() || got.Object != test.run.Name || test.pod != nil && got.Pod != test.pod.Name {
				t.Errorf("%+v", got)
			}
		})
	}
}

// tektonCluster is a TektonEngine with what is in its cluster.
func tektonCluster(t *testing.T, objects ...client.Object) *TektonEngine {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, tektonv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	store := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build()
	return &TektonEngine{Config: testConfig(), Client: store, Live: store}
}

func TestTektonEngine(t *testing.T) {
	r, ctx := testRequest(), t.Context()
	e := tektonCluster(t)
	if exists, err := e.Exists(ctx, r, 1); exists || err != nil {
		t.Fatalf("%v, %v", exists, err)
	}
	for range 2 { // the second by a daemon that does not know of the first
		if err := e.Start(ctx, r, 1); err != nil {
			t.Fatal(err)
		}
	}
	if exists, err := e.Exists(ctx, r, 1); !exists || err != nil {
		t.Errorf("%v, %v", exists, err)
	}
	attempts, err := e.Attempts(ctx, r.Tool, r.Name)
	if err != nil || len(attempts) != 1 || attempts[0].State != api.BuildRunning || attempts[0].Pod != "" {
		t.Fatalf("%+v, %v", attempts, err)
	}
	if running, err := e.Running(ctx); err != nil || len(running) != 1 {
		t.Errorf("%v, %v", running, err)
	}
	if others, err := e.Attempts(ctx, "another", r.Name); err != nil || len(others) != 0 {
		t.Errorf("%v, %v", others, err)
	}
	for range 2 {
		if err := e.Remove(ctx, attempts[0]); err != nil {
			t.Error(err)
		}
	}
	if attempts, err := e.Attempts(ctx, r.Tool, r.Name); err != nil || len(attempts) != 0 {
		t.Errorf("%+v, %v", attempts, err)
	}
}

// Export begins when Kubernetes says that the build's container has ended, and not before.
func TestAdvance(t *testing.T) {
	waits, done := stepState{running: true}, stepState{}
	for name, test := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"building":  {stepsIn(corev1.PodRunning, done, waits, waits), ""},
		"built":     {stepsIn(corev1.PodRunning, done, done, waits), "true"},
		"failed":    {stepsIn(corev1.PodRunning, done, stepState{exit: 1}, waits), ""},
		"preparing": {stepsIn(corev1.PodRunning, waits, waits, waits), ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := tektonCluster(t, outcome("", "", ""), test.pod)
			attempts, err := e.Attempts(t.Context(), "wiki", testRequest().Name)
			if err != nil || len(attempts) != 1 {
				t.Fatalf("%+v, %v", attempts, err)
			}
			var versions []string
			for range 2 {
				if err := e.Advance(t.Context(), attempts[0]); err != nil {
					t.Fatal(err)
				}
				var pod corev1.Pod
				if err := e.Client.Get(t.Context(), client.ObjectKeyFromObject(test.pod), &pod); err != nil {
					t.Fatal(err)
				}
				if got := pod.Annotations[endedAnnotation]; got != test.want {
					t.Errorf("it is told %q, not %q", got, test.want)
				}
				versions = append(versions, pod.ResourceVersion)
			}
			if versions[0] != versions[1] {
				t.Error("it is written twice")
			}
		})
	}
}
