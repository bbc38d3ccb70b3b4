package main

import (
	"context"
	"fmt"
	"io"
	"net/rpc"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"time"

	"github.com/fluxcd/pkg/runtime/logger"
	apiruntime "k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	ctrl "sigs.k8s.io/controller-runtime"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Daemon is toolforged in a process of its own, so that its memory is its own and its end is an end. The bench commands it
// over standard input and output, by net/rpc.
type Daemon struct {
	ctx       context.Context
	wire      wire
	revisions revisions
	wake      func(tool string)
	running   sync.WaitGroup
}

// Settings are what a daemon starts with.
type Settings struct {
	Kubeconfig []byte
	Workers    int
	// Fleets are the revisions that are known from the start.
	Fleets []Fleet
}

// serve answers commands until there are no more, which is also when the bench was killed.
func serve(in io.Reader, out io.WriteCloser) error {
	signal.Ignore(os.Interrupt) // a terminal's reaches the bench too, which then closes our input
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d := &Daemon{ctx: ctx}
	server := rpc.NewServer()
	if err := server.RegisterName("Daemon", d); err != nil {
		return fmt.Errorf("register the daemon's commands: %w", err)
	}
	server.ServeConn(pipes{in, out})
	cancel()
	d.running.Wait()
	return nil
}

// Start starts the controller.
func (d *Daemon) Start(s Settings, _ *struct{}) error {
	d.revisions.looked = make(map[string]bool)
	for _, fleet := range s.Fleets {
		if err := d.revisions.push(fleet); err != nil {
			return err
		}
	}
	m, err := d.newManager(s.Kubeconfig)
	if err != nil {
		return err
	}
	if d.wake, err = addController(m, &d.revisions, s.Workers); err != nil {
		return err
	}
	d.running.Go(func() {
		if err := m.Start(d.ctx); err != nil {
			fmt.Fprintln(os.Stderr, "bench: the daemon ended:", err)
			os.Exit(1)
		}
	})
	return nil
}

func (d *Daemon) newManager(kubeconfig []byte) (ctrl.Manager, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("read the kubeconfig: %w", err)
	}
	config.QPS = -1 // as the daemon's --kube-api-qps
	config.Wrap(d.wire.wrap)
	log := logger.NewLogger(logger.Options{LogEncoding: "console", LogLevel: "error"})
	logger.SetLogger(log)
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	m, err := ctrl.NewManager(config, ctrl.Options{
		Scheme:  scheme,
		Logger:  log,
		Metrics: metricsserver.Options{BindAddress: "0"},
		Cache:   cacheOptions(),
	})
	if err != nil {
		return nil, fmt.Errorf("make the controller manager: %w", err)
	}
	return m, nil
}

func newScheme() (*apiruntime.Scheme, error) {
	scheme := apiruntime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register Kubernetes' types: %w", err)
	}
	if err := api.AddToScheme(scheme); err != nil {
		return nil, fmt.Errorf("register toolforged's types: %w", err)
	}
	return scheme, nil
}

// Push has a fleet's newest revision be known, and its tools woken.
func (d *Daemon) Push(f Fleet, _ *struct{}) error {
	if err := d.revisions.push(f); err != nil {
		return err
	}
	for i := range f.Size {
		d.wake(f.name(i))
	}
	return nil
}

// Pass has every tool of a fleet gone over once and tells how long that took.
func (d *Daemon) Pass(f Fleet, took *time.Duration) error {
	before, err := readLoad()
	if err != nil {
		return err
	}
	began := time.Now()
	for i := range f.Size {
		d.wake(f.name(i))
	}
	err = d.until(func(now load) bool { return now.idle() && now.done-before.done >= float64(f.Size) })
	*took = time.Since(began)
	return err
}

// GoneOver waits until everything that a daemon is woken for when it starts is done. It tells how many tools that were.
func (d *Daemon) GoneOver(tools int, looked *int) error {
	err := d.until(func(now load) bool {
		*looked = d.revisions.countLooked()
		return *looked >= tools && now.idle()
	})
	d.revisions.forgetLooked()
	return err
}

// Quiet waits until no tool was worked on for so long.
func (d *Daemon) Quiet(long time.Duration, _ *struct{}) error {
	var last load
	since := time.Now()
	return d.until(func(now load) bool {
		if now != last || !now.idle() {
			last, since = now, time.Now()
		}
		return time.Since(since) >= long
	})
}

// Calls tells the requests made so far.
func (d *Daemon) Calls(_ struct{}, calls *Calls) error {
	*calls = d.wire.counted()
	return nil
}

// Heap is what is alive on the heap, in bytes: after two collections, the second for what finalizers let go.
func (d *Daemon) Heap(_ struct{}, bytes *uint64) error {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	*bytes = stats.HeapAlloc
	return nil
}

// pipes are an input and an output as one connection.
type pipes struct {
	io.Reader
	io.WriteCloser
}
