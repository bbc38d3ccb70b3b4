package status

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/v1alpha1"
)

// Bounds of what page views may ask of the API server.
const (
	// maxAsked is how many pods of one tool are asked for.
	maxAsked = 200
	// askedAtOnce is how many requests are under way at once.
	askedAtOnce = 4
	// askedFor is how long an answer is used again, of at most maxAnswers tools.
	askedFor   = 5 * time.Second
	maxAnswers = 100
)

// pods asks the API server for tools' pods: the cache has none of them. It is safe for concurrent use.
type pods struct {
	live client.Reader
	now  func() time.Time
	log  logr.Logger
	slot chan struct{}

	mu      sync.Mutex
	answers map[string]answer
}

type answer struct {
	pods []corev1.Pod
	at   time.Time
}

func newPods(live client.Reader, now func() time.Time, log logr.Logger) *pods {
	return &pods{live: live, now: now, log: log, slot: make(chan struct{}, askedAtOnce), answers: make(map[string]answer)}
}

// of are the pods of a tool, newest first: none where the API server does not say in time. Then a page says less, and no more.
func (p *pods) of(ctx context.Context, tool *v1alpha1.Tool) []corev1.Pod {
	if p.live == nil {
		return nil
	}
	if pods, fresh := p.known(tool.Name); fresh {
		return pods
	}
	select {
	case p.slot <- struct{}{}:
		defer func() { <-p.slot }()
	case <-ctx.Done():
		return nil
	}
	var list corev1.PodList
	if err := p.live.List(ctx, &list, ofTool(tool), client.Limit(maxAsked)); err != nil {
		p.log.Error(err, "listing pods failed", "tool", tool.Name)
		return nil
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	p.keep(tool.Name, list.Items)
	return list.Items
}

func (p *pods) known(tool string) ([]corev1.Pod, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a, asked := p.answers[tool]
	return a.pods, asked && p.now().Sub(a.at) < askedFor
}

func (p *pods) keep(tool string, pods []corev1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.answers) >= maxAnswers {
		clear(p.answers)
	}
	p.answers[tool] = answer{pods, p.now()}
}
