package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/fluxcd/pkg/runtime/conditions"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// patience is how long a test waits for what must happen: more than a hand-over takes, of which the Lease is 6 s.
const patience = 30 * time.Second

// Two replicas of the program itself, on a real API server: both answer, one works, and when that one is killed or told
// to end, the other does.
func TestHandOver(t *testing.T) {
	s := startServer(t)
	first, second := s.startReplica(t), s.startReplica(t)
	first.untilReady(t)
	second.untilReady(t)
	holder := s.untilHeld(t, "")
	tool := &api.Tool{
		ObjectMeta: metav1.ObjectMeta{Name: "hand-over"},
		Spec:       api.ToolSpec{Repository: "http://127.0.0.1:1/hand-over.git", Interval: metav1.Duration{Duration: time.Second}},
	}
	if err := s.client.Create(t.Context(), tool); err != nil {
		t.Fatal(err)
	}
	s.untilReason(t, tool, api.ReasonRepositoryFailed)

	leader, follower := first, second
	if !first.leads(t) {
		leader, follower = second, first
	}
	if follower.leads(t) || !leader.leads(t) {
		t.Fatal("not exactly one replica leads")
	}
	leader.end(t, syscall.SIGKILL)
	killed := time.Now()
	s.suspend(t, tool, true)
	s.untilReason(t, tool, api.ReasonSuspended)
	t.Logf("the next leader was at work %s after the leader was killed", time.Since(killed).Round(10*time.Millisecond))
	if status := follower.visit("readyz"); status != http.StatusOK {
		t.Errorf("the next leader's /readyz answers %d", status)
	}

	third := s.startReplica(t)
	third.untilReady(t)
	holder = s.untilHeld(t, holder)
	follower.end(t, syscall.SIGTERM)
	told := time.Now()
	s.untilHeld(t, holder)
	took := time.Since(told)
	t.Logf("the Lease had another holder %s after the leader had ended", took.Round(10*time.Millisecond))
	if took > 4*time.Second {
		t.Errorf("the Lease was not given back: it had another holder only after %s", took)
	}
	s.suspend(t, tool, false)
	s.untilReason(t, tool, api.ReasonRepositoryFailed)
}

// apiServer is a real API server and the program under test.
type apiServer struct {
	client     client.Client
	kubeconfig string
	program    string
}

func startServer(t *testing.T) *apiServer {
	t.Helper()
	binary, err := filepath.Abs("../../.local/bin/localcluster")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(binary); err != nil {
		t.Fatalf("this test needs an API server: run `make localcluster` first: %v", err)
	}
	directory := t.TempDir()
	environment := &envtest.Environment{BinaryAssetsDirectory: directory, CRDDirectoryPaths: []string{"../../schema/crds"}}
	for _, program := range []string{"etcd", "kube-apiserver", "kubectl"} {
		script := fmt.Sprintf("#!/bin/sh\nexec %q %s \"$@\"\n", binary, program)
		if err := os.WriteFile(filepath.Join(directory, program), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	config, err := environment.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := environment.Stop(); err != nil {
			t.Error(err)
		}
	})
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, api.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	s := &apiServer{kubeconfig: filepath.Join(directory, "kubeconfig"), program: filepath.Join(directory, "toolforged")}
	if s.client, err = client.New(config, client.Options{Scheme: scheme}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.kubeconfig, environment.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command("go", "build", "-o", s.program, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, output)
	}
	return s
}

// untilHeld waits until the Lease is held by somebody else than before.
func (s *apiServer) untilHeld(t *testing.T, before string) string {
	t.Helper()
	var holder string
	until(t, "another holder of the Lease", func() bool {
		var lease coordinationv1.Lease
		if err := s.client.Get(t.Context(), client.ObjectKey{Namespace: "default", Name: "toolforged-0"}, &lease); err != nil {
			return false
		}
		if lease.Spec.HolderIdentity != nil {
			holder = *lease.Spec.HolderIdentity
		}
		return holder != "" && holder != before
	})
	return holder
}

func (s *apiServer) untilReason(t *testing.T, tool *api.Tool, reason string) {
	t.Helper()
	until(t, "reason "+reason, func() bool {
		if err := s.client.Get(t.Context(), client.ObjectKeyFromObject(tool), tool); err != nil {
			t.Fatal(err)
		}
		return conditions.GetReason(tool, "Ready") == reason
	})
}

func (s *apiServer) suspend(t *testing.T, tool *api.Tool, yes bool) {
	t.Helper()
	before := tool.DeepCopy()
	tool.Spec.Suspend = yes
	if err := s.client.Patch(t.Context(), tool, client.MergeFrom(before)); err != nil {
		t.Fatal(err)
	}
}

// replica is one process of the program.
type replica struct {
	command *exec.Cmd
	address string
	ended   bool
}

func (s *apiServer) startReplica(t *testing.T, flags ...string) *replica {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(s.program, slices.Concat([]string{"--status-address=" + address, "--lease-namespace=default"}, required, flags)...)
	command.Env = append(os.Environ(), "KUBECONFIG="+s.kubeconfig)
	if testing.Verbose() {
		command.Stderr = os.Stderr
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	r := &replica{command: command, address: address}
	t.Cleanup(func() { r.end(t, syscall.SIGKILL) })
	return r
}

// end sends a signal, and returns when the process has ended.
func (r *replica) end(t *testing.T, signal syscall.Signal) {
	if r.ended {
		return
	}
	r.ended = true
	if err := r.command.Process.Signal(signal); err != nil {
		t.Errorf("end a replica: %v", err)
	}
	if err := r.command.Wait(); err != nil && signal == syscall.SIGTERM {
		t.Errorf("a replica that was told to end: %v", err)
	}
}

func (r *replica) untilReady(t *testing.T) {
	t.Helper()
	until(t, "a replica to be ready", func() bool { return r.visit("readyz") == http.StatusOK })
}

func (r *replica) visit(path string) int {
	response, err := http.Get("http://" + r.address + "/" + path)
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// leads asks the metrics.
func (r *replica) leads(t *testing.T) bool {
	t.Helper()
	response, err := http.Get("http://" + r.address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text strings.Builder
	if err := response.Write(&text); err != nil {
		t.Fatal(err)
	}
	return strings.Contains(text.String(), `leader_election_master_status{name="toolforged-0"} 1`)
}

func until(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}
