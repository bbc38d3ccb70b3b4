package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// quiet is for how long nothing is done when all is done: longer than toolforged itself waits before it looks again.
const quiet = 2 * time.Second

// session is toolforged at work on an API server of its own, with one fleet of tools.
type session struct {
	*bench
	server    *apiServer
	daemon    *child
	informers cache.Cache
	watch     *watch
	fleet     Fleet
}

// withSession starts everything, works with it, and stops everything. There are no tools at first.
func (b *bench) withSession(ctx context.Context, work func(context.Context, *session) error) (err error) {
	b.out.say("toolforged: starting an API server")
	server, err := startAPIServer(ctx, b.localcluster)
	if err != nil {
		return err
	}
	defer joinEnd(&err, server.stop)
	s := &session{bench: b, server: server}
	endWatching, err := s.startWatching(ctx)
	if err != nil {
		return err
	}
	defer joinEnd(&err, endWatching)
	if err := s.startDaemon(ctx); err != nil {
		return err
	}
	defer joinEnd(&err, func() error { return s.daemon.stop() }) // the one there is then
	return work(ctx, s)
}

// joinEnd is for a defer: it adds what goes wrong at the end.
func joinEnd(err *error, end func() error) { *err = errors.Join(*err, end()) }

// startWatching has the bench know Tools and Deployments as the API server shows them.
func (s *session) startWatching(ctx context.Context) (end func() error, err error) {
	informers, err := cache.New(s.server.config, cache.Options{
		Scheme:           s.server.admin.Scheme(),
		DefaultTransform: cache.TransformStripManagedFields(),
	})
	if err != nil {
		return nil, fmt.Errorf("make a cache: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- informers.Start(ctx) }()
	end = func() error { cancel(); return <-ended }
	s.informers = informers
	if s.watch, err = watchTools(ctx, informers, s.out); err != nil {
		return nil, errors.Join(err, end())
	}
	if _, err := informers.GetInformer(ctx, &appsv1.Deployment{}); err != nil {
		return nil, errors.Join(fmt.Errorf("watch the Deployments: %w", err), end())
	}
	return end, nil
}

// startDaemon starts a daemon to which the revisions of some fleets are known.
func (s *session) startDaemon(ctx context.Context, known ...Fleet) error {
	daemon, err := startChild(ctx, Settings{Kubeconfig: s.server.environment.KubeConfig, Workers: s.workers, Fleets: known})
	if err != nil {
		return err
	}
	s.daemon = daemon
	return nil
}

// push has the tools' newest revision, s.fleet, be known.
func (s *session) push(ctx context.Context) error {
	return s.daemon.call(ctx, "Push", s.fleet, &struct{}{})
}

// quiet waits until toolforged has nothing more to do.
func (s *session) quiet(ctx context.Context) error {
	return s.daemon.call(ctx, "Quiet", quiet, &struct{}{})
}

func (s *session) calls(ctx context.Context) (calls Calls, err error) {
	err = s.daemon.call(ctx, "Calls", struct{}{}, &calls)
	return calls, err
}

// untilServing has every rollout succeed until all tools are up and there is nothing more to do.
func (s *session) untilServing(ctx context.Context) (err error) {
	end, err := s.play(ctx, none)
	if err != nil {
		return err
	}
	defer joinEnd(&err, end)
	if _, err := s.watch.until(ctx, "up", s.fleet.names(), s.fleet.isServing); err != nil {
		return err
	}
	return s.quiet(ctx)
}

// none is for no broken tools.
func none(string) bool { return false }

// play plays rollouts until its end is called.
func (s *session) play(ctx context.Context, broken func(tool string) bool) (end func() error, err error) {
	return rollouts{informers: s.informers, client: s.server.admin, broken: broken}.play(ctx)
}
