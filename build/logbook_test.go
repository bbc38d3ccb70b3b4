package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	memory "github.com/google/go-containerregistry/pkg/registry"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/toolforge/toolforged/registry"
)

const logPassword = "correct-horse-battery"

// printed is what containers print, by name.
type printed map[string]string

func (p printed) Read(_ context.Context, _, _ string, options *corev1.PodLogOptions) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(p[options.Container])), nil
}

// keptLogs is a registry in memory.
type keptLogs struct {
	mu    sync.Mutex
	logs  map[string]registry.Artifact
	keeps int
	err   error
}

func (k *keptLogs) Keep(_ context.Context, reference string, a registry.Artifact) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return k.err
	}
	k.keeps++
	if k.logs == nil {
		k.logs = make(map[string]registry.Artifact)
	}
	k.logs[reference] = a
	return nil
}

func (k *keptLogs) Kept(_ context.Context, reference string, _ int64) (registry.Artifact, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.logs[reference]
	if !ok {
		return a, registry.ErrNotFound
	}
	return a, k.err
}

func (k *keptLogs) Tags(_ context.Context, repository string) ([]string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var tags []string
	for reference := range k.logs {
		if tag, ok := strings.CutPrefix(reference, repository+":"); ok {
			tags = append(tags, tag)
		}
	}
	return tags, k.err
}

// loggedPod is the pod of an attempt that has just ended, with a Secret.
func loggedPod(r Request) (*corev1.Pod, *corev1.Secret) {
	r.SecretName = "git"
	pod := Pod(testConfig(), r, 1)
	pod.CreationTimestamp = metav1.Now()
	pod.Status.Phase = corev1.PodSucceeded
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ContainerID: "x", FinishedAt: metav1.Now()}}
	for _, container := range pod.Spec.InitContainers {
		pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, corev1.ContainerStatus{Name: container.Name, State: ended})
	}
	for _, container := range pod.Spec.Containers {
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{Name: container.Name, State: ended})
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: "git"},
		Data:       map[string][]byte{"username": []byte("somebody"), "password": []byte(logPassword)},
	}
	return pod, secret
}

func attemptAt(pod *corev1.Pod) Attempt {
	a := attemptOf(pod)
	a.Phase = PhaseBuild
	return a
}

func newLogbook(output Output, kept LogRegistry, objects ...client.Object) *Logbook {
	scheme := runtime.NewScheme()
	_ = corev1.AddToScheme(scheme) // never fails
	return NewLogbook(&Logbook{
		Config:   testConfig(),
		Live:     fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).Build(),
		Output:   output,
		Registry: kept,
		Now:      time.Now,
		Wake:     func(string) {},
		Log:      slog.New(slog.DiscardHandler),
	})
}

func readLog(t *testing.T, l *Logbook, r Request, attempt int) string {
	t.Helper()
	stream, err := l.Open(t.Context(), r.Tool, r.Name, r.Inputs.Key(), attempt)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	text, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestKeepLog(t *testing.T) {
	r := testRequest()
	pod, secret := loggedPod(r)
	output := printed{pod.Spec.InitContainers[0].Name: "cloning with " + logPassword + "\n", PhaseBuild: "building\nwith " + logPassword}
	kept := &keptLogs{}
	synctest.Test(t, func(t *testing.T) {
		l := newLogbook(output, kept, pod, secret)
		if state := l.Keep(r.Tool, r.Name, attemptAt(pod)); state.Read || state.Done {
			t.Errorf("it did not wait for what it has begun: %+v", state)
		}
		synctest.Wait()
		state := l.Keep(r.Tool, r.Name, attemptAt(pod))
		if want := (KeptLog{Read: true, End: "===> build\nbuilding\nwith ***\n", Done: true}); state != want {
			t.Errorf("%+v, want %+v", state, want)
		}
		l.Keep(r.Tool, r.Name, attemptAt(pod))
		synctest.Wait()
	})
	if kept.keeps != 1 {
		t.Errorf("it was kept %d times", kept.keeps)
	}
	// Once the pod is gone.
	l := newLogbook(output, kept)
	for _, attempt := range []int{0, 1} {
		got := readLog(t, l, r, attempt)
		if strings.Contains(got, logPassword) || !strings.Contains(got, "cloning with ***\n") || !strings.HasPrefix(got, headingMark) ||
			!strings.Contains(got, "===> build\nbuilding\nwith ***\n===> export\n") {
			t.Errorf("kept: %q", got)
		}
	}
	for _, attempt := range []int{2, 7} {
		if _, err := l.Open(t.Context(), r.Tool, r.Name, r.Inputs.Key(), attempt); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("attempt %d: %v", attempt, err)
		}
	}
	if _, err := l.Open(t.Context(), r.Tool, r.Name, "another", 0); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("another key: %v", err)
	}
}

// Without the Secret nobody knows what must not be shown.
func TestSecretOfALogHasGone(t *testing.T) {
	r := testRequest()
	synctest.Test(t, func(t *testing.T) {
		pod, _ := loggedPod(r)
		kept := &keptLogs{}
		l := newLogbook(printed{PhaseBuild: logPassword}, kept, pod)
		for began := time.Now(); ; time.Sleep(time.Minute) {
			state := l.Keep(r.Tool, r.Name, attemptAt(pod))
			synctest.Wait()
			if state.Done {
				if took := time.Since(began); took < keepFor || took > 2*keepFor {
					t.Errorf("given up after %s", took)
				}
				if !strings.Contains(state.End, "the Secret git has gone") {
					t.Errorf("%+v", state)
				}
				break
			}
		}
		if kept.keeps != 0 {
			t.Error("it is kept")
		}
		if _, err := l.Open(t.Context(), r.Tool, r.Name, r.Inputs.Key(), 0); err == nil || !strings.Contains(err.Error(), "the Secret git has gone") {
			t.Errorf("it is shown: %v", err)
		}
	})
}

func TestRegistryOfLogsIsAway(t *testing.T) {
	r := testRequest()
	synctest.Test(t, func(t *testing.T) {
		pod, secret := loggedPod(r)
		kept := &keptLogs{err: errors.New("away")}
		l := newLogbook(printed{PhaseBuild: "text\n"}, kept, pod, secret)
		woken := make(chan struct{}, 100)
		l.Wake = func(string) { woken <- struct{}{} }
		l.Keep(r.Tool, r.Name, attemptAt(pod))
		synctest.Wait()
		if state := l.Keep(r.Tool, r.Name, attemptAt(pod)); !state.Read || state.Done || state.End != "===> build\ntext\n" {
			t.Errorf("%+v", state)
		}
		kept.mu.Lock()
		kept.err = nil
		kept.mu.Unlock()
		for range 3 {
			<-woken // read, failed, time for another try
		}
		l.Keep(r.Tool, r.Name, attemptAt(pod))
		synctest.Wait()
		if state := l.Keep(r.Tool, r.Name, attemptAt(pod)); !state.Done || kept.keeps != 1 {
			t.Errorf("%+v, kept %d times", state, kept.keeps)
		}
	})
}

// dying has the daemon killed at a call: what it does then does not happen, or has happened and is not known.
type dying struct {
	client.Reader
	Output
	LogRegistry
	left *int
	kill func()
}

func (d dying) step(after bool, do func() error) error {
	*d.left--
	if *d.left == 0 && !after {
		d.kill()
		return context.Canceled
	}
	err := do()
	if *d.left == 0 {
		d.kill()
		return context.Canceled
	}
	return err
}

func (d dying) Get(ctx context.Context, key client.ObjectKey, o client.Object, options ...client.GetOption) error {
	return d.step(false, func() error { return d.Reader.Get(ctx, key, o, options...) })
}

func (d dying) Keep(ctx context.Context, reference string, a registry.Artifact) error {
	return d.step(true, func() error { return d.LogRegistry.Keep(ctx, reference, a) })
}

func (d dying) Tags(ctx context.Context, repository string) (tags []string, err error) {
	err = d.step(false, func() (err error) { tags, err = d.LogRegistry.Tags(ctx, repository); return err })
	return tags, err
}

func (d dying) Read(ctx context.Context, namespace, pod string, options *corev1.PodLogOptions) (output io.ReadCloser, err error) {
	err = d.step(false, func() (err error) { output, err = d.Output.Read(ctx, namespace, pod, options); return err })
	return output, err
}

// Wherever the daemon is killed, the next one keeps the log, once, and not before may the pod go.
func TestKilledWhileALogIsKept(t *testing.T) {
	r := testRequest()
	for at := 1; at < 20; at++ {
		t.Run(fmt.Sprint("at call ", at), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pod, secret := loggedPod(r)
				kept := &keptLogs{}
				first := newLogbook(printed{PhaseBuild: "text\n"}, kept, pod, secret)
				left := at
				d := dying{first.Live, first.Output, kept, &left, func() {}}
				first.Live, first.Output, first.Registry = d, d, d
				first.Keep(r.Tool, r.Name, attemptAt(pod))
				synctest.Wait()
				if first.Keep(r.Tool, r.Name, attemptAt(pod)).Done && kept.keeps != 1 {
					t.Fatal("the pod might go before its log is kept")
				}
				second := newLogbook(printed{PhaseBuild: "other text, for some was lost\n"}, kept, pod, secret)
				second.Keep(r.Tool, r.Name, attemptAt(pod))
				synctest.Wait()
				if !second.Keep(r.Tool, r.Name, attemptAt(pod)).Done || kept.keeps != 1 {
					t.Fatalf("kept %d times", kept.keeps)
				}
			})
		})
	}
}

// growing is a pod that runs: its containers start and print as the test says.
type growing struct {
	mu   sync.Mutex
	pod  *corev1.Pod
	pipe map[string]*io.PipeReader
	client.Reader
}

func (g *growing) Get(_ context.Context, _ client.ObjectKey, o client.Object, _ ...client.GetOption) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pod == nil {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "pods"}, "pod")
	}
	g.pod.DeepCopyInto(o.(*corev1.Pod))
	return nil
}

func (g *growing) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	list.(*corev1.PodList).Items = []corev1.Pod{*g.pod.DeepCopy()}
	return nil
}

func (g *growing) Read(_ context.Context, _, _ string, options *corev1.PodLogOptions) (io.ReadCloser, error) {
	if !options.Follow {
		return nil, errors.New("not followed")
	}
	return g.pipe[options.Container], nil
}

func TestFollowLog(t *testing.T) {
	r := testRequest()
	synctest.Test(t, func(t *testing.T) {
		g := &growing{pod: Pod(testConfig(), r, 1), pipe: make(map[string]*io.PipeReader)}
		writers := make(map[string]*io.PipeWriter)
		for _, container := range containersOf(g.pod) {
			g.pipe[container], writers[container] = io.Pipe()
		}
		l := newLogbook(g, &keptLogs{})
		l.Live = g
		stream, err := l.Open(t.Context(), r.Tool, r.Name, r.Inputs.Key(), 0)
		if err != nil {
			t.Fatal(err)
		}
		expect := func(want string) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(stream, got); err != nil || string(got) != want {
				t.Fatalf("%q, %v; want %q", got, err, want)
			}
		}
		names := containersOf(g.pod)
		for i, container := range names {
			time.Sleep(time.Minute) // nothing has started
			g.mu.Lock()
			running := corev1.ContainerStatus{Name: container, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
			if i < len(names)-1 {
				g.pod.Status.InitContainerStatuses = append(g.pod.Status.InitContainerStatuses, running)
			} else {
				g.pod.Status.ContainerStatuses = append(g.pod.Status.ContainerStatuses, running)
			}
			g.mu.Unlock()
			_, _ = io.WriteString(writers[container], "first line.\n")
			expect("===> " + container + "\nfirst line.\n")
			go func() {
				_, _ = io.WriteString(writers[container], "https://user:"+logPassword)
				_, _ = io.WriteString(writers[container], "@host\nthe end")
				writers[container].Close()
			}()
			expect("https://***@host\nthe end\n")
		}
		if rest, err := io.ReadAll(stream); err != nil || len(rest) > 0 {
			t.Errorf("%q, %v", rest, err)
		}
	})
}

// A follower who goes ends all that was begun for it: synctest waits for every goroutine.
func TestFollowerGoes(t *testing.T) {
	r := testRequest()
	synctest.Test(t, func(t *testing.T) {
		l := newLogbook(printed{}, &keptLogs{}, Pod(testConfig(), r, 1))
		stream, err := l.Open(t.Context(), r.Tool, r.Name, r.Inputs.Key(), 0)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		stream.Close()
	})
}

func TestSecretValues(t *testing.T) {
	for _, test := range []struct {
		data map[string]string
		want []string
	}{
		{map[string]string{"username": "me", "password": "p", "known_hosts": "h"}, []string{"p"}},
		{map[string]string{"username": "token"}, []string{"token"}},
		{map[string]string{"username": "token", "password": "x-oauth-basic"}, []string{"token", "x-oauth-basic"}},
		{map[string]string{".dockerconfigjson": `{"auths":{"host":{"username":"u","password":"p","auth":"dTpwMg=="}}}`}, []string{"p", "dTpwMg==", "p2"}},
		{map[string]string{".dockercfg": `{"host":{"auth":"dTpwMg=="}}`}, []string{"dTpwMg==", "p2"}},
		{map[string]string{".dockerconfigjson": "no JSON"}, []string{"no JSON"}},
	} {
		secret := &corev1.Secret{Data: make(map[string][]byte)}
		for key, value := range test.data {
			secret.Data[key] = []byte(value)
		}
		got := slices.DeleteFunc(secretValues(secret), func(s string) bool { return s == "" })
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("%v: %q, want %q", test.data, got, test.want)
		}
	}
}

// With a real registry, logs are kept beside each other.
func TestLogsInARegistry(t *testing.T) {
	server := httptest.NewServer(memory.New(memory.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	images, err := registry.NewClient(authn.NewMultiKeychain(), "test", "")
	if err != nil {
		t.Fatal(err)
	}
	r := testRequest()
	pod, secret := loggedPod(r)
	l := newLogbook(printed{PhaseBuild: "text\n"}, images, pod, secret)
	l.Config.Registry = strings.TrimPrefix(server.URL, "http://")
	woken := make(chan struct{}, 10)
	l.Wake = func(string) { woken <- struct{}{} }
	for !l.Keep(r.Tool, r.Name, attemptAt(pod)).Done {
		<-woken
	}
	gone := newLogbook(printed{}, images)
	gone.Config.Registry = l.Config.Registry
	if got := readLog(t, gone, r, 0); !strings.Contains(got, "===> build\ntext\n") {
		t.Errorf("%q", got)
	}
}
