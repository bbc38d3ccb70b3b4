package networkpolicy

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/knftables"

	"github.com/toolforge/toolforged/localcluster/host"
)

// firewall is a firewall that counts what is written, and refuses the first.
type firewall struct {
	*knftables.Fake
	mu   sync.Mutex
	runs int
}

func (f *firewall) Run(ctx context.Context, tx *knftables.Transaction) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.runs++
	if f.runs == 1 {
		return errors.New("busy")
	}
	return f.Fake.Run(ctx, tx)
}

func (f *firewall) holds(text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Table != nil && strings.Contains(f.Dump(), text)
}

func (f *firewall) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.runs
}

func TestFollow(t *testing.T) {
	client := fake.NewClientset(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "a"}})
	f, nft := following(t, client)

	await(t, "the first rules, after one refusal", func() bool { return nft.holds("chain inet") })

	object := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "a", UID: "5c39"}}
	object, err := client.CoreV1().Pods("a").Create(t.Context(), object, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(f.results, "toolforged-1"), []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	await(t, "an open pod", func() bool { return nft.holds(`ingress { 10.88.1.6 comment "a/web" : return }`) })

	policy := &networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Name: "closed", Namespace: "a"}}
	if _, err := client.NetworkingV1().NetworkPolicies("a").Create(t.Context(), policy, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	await(t, "a limited pod", func() bool { return nft.holds("10.88.1.6 comment \"a/web\" : goto ingress-1") })

	before := nft.count()
	object.Annotations = map[string]string{"changed": "but nothing that matters"}
	if _, err := client.CoreV1().Pods("a").Update(t.Context(), object, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(f.results, "toolforged-1")); err != nil {
		t.Fatal(err)
	}
	await(t, "no pod", func() bool { return !nft.holds("10.88.1.6") })
	if runs := nft.count() - before; runs != 1 {
		t.Errorf("written %d times for one change that matters", runs)
	}
}

// following starts a follower of client that ends with the test.
func following(t *testing.T, client kubernetes.Interface) (*follower, *firewall) {
	nft := &firewall{Fake: knftables.NewFake(knftables.InetFamily, host.PolicyTable)}
	f := &follower{
		nft: nft, results: filepath.Join(t.TempDir(), "results"),
		log: slog.New(slog.DiscardHandler), changed: make(chan struct{}, 1),
	}
	ctx, cancel := context.WithCancel(t.Context())
	if err := f.watchResults(ctx); err != nil {
		t.Fatal(err)
	}
	if err := f.watchObjects(ctx, client); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		f.run(ctx)
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return f, nft
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("there is not: %s", what)
		}
	}
}
