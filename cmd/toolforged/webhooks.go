package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/toolforge/toolforged/reconcile"
	"github.com/toolforge/toolforged/sources/webhook"
)

// addWebhooks makes the handler of webhooks, nil where the administrator has set no secrets, and has every replica work
// through what it takes.
func addWebhooks(m ctrl.Manager, o options, polls polling, log *slog.Logger) (http.Handler, error) {
	if o.webhookSecrets == "" {
		return nil, nil
	}
	secrets, err := webhook.NewDirectory(o.webhookSecrets, time.Now, log)
	if err != nil {
		return nil, fmt.Errorf("--webhook-secrets: %w", err)
	}
	taken := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "toolforged_webhooks_total", Help: "Webhooks by the kind of forge and by what became of them.",
	}, []string{"forge", "outcome"})
	if err := metrics.Registry.Register(taken); err != nil {
		return nil, fmt.Errorf("register the metrics of webhooks: %w", err)
	}
	delivery := delivery{polls: polls.polls, peers: polls.peers, log: log}
	handler := webhook.New(webhook.Options{
		Secrets: secrets.Secrets,
		Deliver: delivery.deliver,
		Count:   func(forge, outcome string) { taken.WithLabelValues(forge, outcome).Inc() },
	})
	if err := m.Add(everywhere(handler.Start)); err != nil {
		return nil, fmt.Errorf("add webhooks: %w", err)
	}
	return handler, nil
}

// delivery brings webhooks to the replicas that poll.
type delivery struct {
	polls *poller
	peers *peers
	log   *slog.Logger
}

// deliver hastens what this replica polls, and hands the webhook on to the leaders of the other shards, once.
func (d delivery) deliver(ctx context.Context, hook webhook.Delivery) {
	found := 0
	if d.peers.leads() {
		found = d.polls.HastenAt(hook.Places)
	}
	d.log.Info("webhook", "forge", hook.Forge, "repository", hook.Places[0].Path, "hastened", found, "handedOn", hook.HandedOn)
	if hook.HandedOn {
		return
	}
	var handing sync.WaitGroup
	for _, shard := range d.peers.others() {
		handing.Go(func() {
			if err := d.handOn(ctx, hook, shard); err != nil {
				d.log.Warn("webhook cannot be handed on; the push is noticed by the next poll", "shard", shard.Index, "error", err)
			}
		})
	}
	handing.Wait()
}

func (d delivery) handOn(ctx context.Context, hook webhook.Delivery, shard reconcile.Shard) error {
	ctx, cancel := context.WithTimeout(ctx, peerTimeout)
	defer cancel()
	address, err := d.peers.address(ctx, shard)
	if err != nil {
		return err
	}
	request, err := hook.HandOn(ctx, address)
	if err != nil {
		return err
	}
	response, err := d.peers.http.Do(request)
	if err != nil {
		return fmt.Errorf("hand a webhook on to %s: %w", address, withoutURL(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusAccepted {
		return fmt.Errorf("hand a webhook on to %s: it answered %s", address, response.Status)
	}
	return nil
}
