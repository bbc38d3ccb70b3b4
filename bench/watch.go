package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// watch knows every Tool as the API server shows it.
type watch struct {
	out *output

	mu    sync.Mutex
	tools map[string]*api.Tool
	// waited is what until waits for, nil for nothing.
	waited *waited
}

// waited are tools that something is to become true of.
type waited struct {
	met     func(*api.Tool) bool
	missing map[string]bool
	// at is when it was seen to be true.
	at map[string]time.Time
}

// watchTools begins to watch, until ctx ends.
func watchTools(ctx context.Context, informers cache.Cache, out *output) (*watch, error) {
	w := &watch{out: out, tools: make(map[string]*api.Tool)}
	informer, err := informers.GetInformer(ctx, &api.Tool{})
	if err != nil {
		return nil, fmt.Errorf("watch the tools: %w", err)
	}
	if _, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { w.see(object.(*api.Tool)) },
		UpdateFunc: func(_, object any) { w.see(object.(*api.Tool)) },
	}); err != nil {
		return nil, fmt.Errorf("watch the tools: %w", err)
	}
	return w, nil
}

func (w *watch) see(tool *api.Tool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tools[tool.Name] = tool
	if w.waited != nil {
		w.waited.see(tool)
	}
}

func (w *waited) see(tool *api.Tool) {
	if w.missing[tool.Name] && w.met(tool) {
		delete(w.missing, tool.Name)
		w.at[tool.Name] = time.Now()
	}
}

// until waits until something is true of all named tools, and tells when it was first seen to be true of each.
func (w *watch) until(ctx context.Context, what string, names []string, met func(*api.Tool) bool) (map[string]time.Time, error) {
	w.begin(names, met)
	defer w.end()
	defer w.out.progress(what, len(names), func() int { return len(names) - w.missing() })()
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	missing, changed := len(names), time.Now()
	for {
		now := w.missing()
		switch {
		case now == 0:
			return w.waited.at, nil
		case now != missing:
			missing, changed = now, time.Now()
		case time.Since(changed) > patience:
			return nil, fmt.Errorf("%s: %d of %d tools are missing, and nothing goes on: %s", what, missing, len(names), w.example())
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticker.C:
		}
	}
}

func (w *watch) begin(names []string, met func(*api.Tool) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waited = &waited{met: met, missing: make(map[string]bool, len(names)), at: make(map[string]time.Time, len(names))}
	for _, name := range names {
		w.waited.missing[name] = true
		if tool := w.tools[name]; tool != nil {
			w.waited.see(tool)
		}
	}
}

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waited = nil
}

func (w *watch) missing() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.waited.missing)
}

// example says what one of the missing tools says of itself.
func (w *watch) example() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.waited.missing {
		tool := w.tools[name]
		if tool == nil {
			return name + " does not exist"
		}
		return fmt.Sprintf("%s: Ready is %+v", name, apimeta.FindStatusCondition(tool.Status.Conditions, fluxmeta.ReadyCondition))
	}
	return "none"
}
