package networkpolicy

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
	"sigs.k8s.io/knftables"

	"github.com/toolforge/toolforged/localcluster/host"
)

const (
	// gather is how long changes are collected that come together. It is less
	// than a container takes to start.
	gather = 20 * time.Millisecond
	// again is when to try again what has failed.
	again = time.Second
)

// Follow keeps the policies of the cluster in effect until ctx ends.
func Follow(ctx context.Context, client kubernetes.Interface, log *slog.Logger) error {
	nft, err := open()
	if err != nil {
		return err
	}
	f := &follower{nft: nft, results: host.CNIResults, log: log, changed: make(chan struct{}, 1)}
	if err := f.watchResults(ctx); err != nil {
		return err
	}
	if err := f.watchObjects(ctx, client); err != nil {
		return err
	}
	f.run(ctx)
	return nil
}

// follower writes the rules again when anything has changed that they are made
// of.
type follower struct {
	nft        knftables.Interface
	results    string
	log        *slog.Logger
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	// changed holds one note at most: that there is something new to look at.
	changed chan struct{}
	written string
}

func (f *follower) note() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// watchObjects returns when all objects have been read once.
func (f *follower) watchObjects(ctx context.Context, client kubernetes.Interface) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	f.pods = factory.Core().V1().Pods().Lister()
	f.namespaces = factory.Core().V1().Namespaces().Lister()
	f.policies = factory.Networking().V1().NetworkPolicies().Lister()
	for _, informer := range []cache.SharedIndexInformer{
		factory.Core().V1().Pods().Informer(),
		factory.Core().V1().Namespaces().Informer(),
		factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc:    func(any) { f.note() },
			UpdateFunc: func(any, any) { f.note() },
			DeleteFunc: func(any) { f.note() },
		}); err != nil {
			return fmt.Errorf("watching the cluster: %w", err)
		}
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("reading the cluster's %v: %w", kind, ctx.Err())
		}
	}
	return nil
}

// watchResults notes whenever the CNI plugins have given or taken an address.
func (f *follower) watchResults(ctx context.Context) error {
	if err := os.MkdirAll(f.results, 0o700); err != nil {
		return fmt.Errorf("watching the pods' addresses: %w", err)
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching the pods' addresses: %w", err)
	}
	if err := watcher.Add(f.results); err != nil {
		return fmt.Errorf("watching the pods' addresses: %w", err)
	}
	go func() {
		defer watcher.Close()
		for {
			select {
			case <-ctx.Done():
				return
			case <-watcher.Events:
			case err := <-watcher.Errors: // such as that some events were lost
				f.log.Warn("watching the pods' addresses", "error", err)
			}
			f.note()
		}
	}()
	return nil
}

func (f *follower) run(ctx context.Context) {
	f.note()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.changed:
		}
		wait := gather
		if err := f.apply(ctx); err != nil {
			f.log.Warn("network policies are not up to date", "error", err)
			wait = again
			f.note()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// apply writes the rules, unless they are there already.
func (f *follower) apply(ctx context.Context) error {
	s, err := f.read()
	if err != nil {
		return err
	}
	tx := f.nft.NewTransaction()
	write(tx, s)
	text := tx.String()
	if text == f.written {
		return nil
	}
	if err := f.nft.Run(ctx, tx); err != nil {
		return fmt.Errorf("writing the rules: %w", err)
	}
	f.written = text
	f.log.Info("written", "pods", len(s.pods), "policies", len(s.policies))
	return nil
}

func (f *follower) read() (state, error) {
	addresses, err := readAddresses(f.results)
	if err != nil {
		return state{}, err
	}
	pods, err := f.pods.List(labels.Everything())
	if err != nil {
		return state{}, err
	}
	var s state
	for _, object := range pods {
		if given := addresses[object.UID]; len(given) > 0 {
			s.pods = append(s.pods, pod{object, given})
		}
	}
	if s.namespaces, err = f.namespaces.List(labels.Everything()); err != nil {
		return state{}, err
	}
	s.policies, err = f.policies.List(labels.Everything())
	return s, err
}
