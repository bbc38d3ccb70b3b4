package cluster

import (
	"context"
	"time"
)

// begin starts programs.
func (s *starter) begin(programs ...program) error {
	for _, p := range programs {
		r, err := s.start(p)
		if err != nil {
			return err
		}
		s.programs = append(s.programs, r)
	}
	return nil
}

func (s *starter) await(ctx context.Context, what string, check func(context.Context) error) error {
	return await(ctx, what, startLimit, s.programs, check)
}

// storage starts what keeps things: objects, images, repositories.
func (s *starter) storage(ctx context.Context) error {
	if err := s.begin(s.etcd(), s.containerd(), s.registry(), s.gitserver()); err != nil {
		return err
	}
	if err := s.await(ctx, "containerd", listens("unix", containerdSocket)); err != nil {
		return err
	}
	if err := s.await(ctx, "the registry", s.registryAnswers()); err != nil {
		return err
	}
	if err := s.keepSandbox(ctx); err != nil {
		return err
	}
	return s.await(ctx, "etcd", s.etcdReady)
}

func (s *starter) api(ctx context.Context) error {
	if err := s.begin(s.apiserver()); err != nil {
		return err
	}
	client, err := s.newClient()
	if err != nil {
		return err
	}
	s.client = client
	if err := s.await(ctx, "the API server", apiReady(client)); err != nil {
		return err
	}
	return applyObjects(ctx, client)
}

func (s *starter) rest(ctx context.Context) error {
	s.since = time.Now()
	err := s.begin(s.controllerManager(), s.scheduler(), s.networkpolicy(), s.proxy(), s.coredns(), s.kubelet(), s.ingress())
	if err != nil {
		return err
	}
	for _, check := range s.checks(s.client, s.since) {
		if err := s.await(ctx, check.what, check.do); err != nil {
			return err
		}
	}
	return nil
}

func (s *starter) prove(ctx context.Context) error {
	return probe(ctx, s.client, s.image, s.programs)
}
