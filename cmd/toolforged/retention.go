package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/build/retention"
	"github.com/toolforge/toolforged/reconcile"
	"github.com/toolforge/toolforged/registry"
	"github.com/toolforge/toolforged/status"
)

// retentionOptions are the flags of what is removed from the registry.
type retentionOptions struct {
	enabled bool
	policy  retention.Policy
}

func (o *retentionOptions) bind(flags *pflag.FlagSet) {
	flags.BoolVar(&o.enabled, "retention", false, "remove from the registry what builds left there and nothing needs any more; --registry must be this installation's alone")
	flags.IntVar(&o.policy.Keep, "retention-keep", 5, "how many of the newest images of each build are kept, and of those that were deployed well")
	flags.DurationVar(&o.policy.Age, "retention-age", 7*24*time.Hour, "how long nothing must have needed what is removed")
	flags.DurationVar(&o.policy.Interval, "retention-interval", 24*time.Hour, "how long one pass over all tools takes")
}

func (o *retentionOptions) check() error {
	switch {
	case o.policy.Keep < 1:
		return fmt.Errorf("--retention-keep is %d: it must be at least 1", o.policy.Keep)
	case o.policy.Age < 0:
		return fmt.Errorf("--retention-age is %s: it must not be negative", o.policy.Age)
	case o.policy.Interval < time.Second:
		return fmt.Errorf("--retention-interval is %s: it must be at least 1s", o.policy.Interval)
	}
	return nil
}

// addRetention has the leader remove what its shard's builds left, where that is asked for; else nothing is told of it.
func addRetention(m ctrl.Manager, o options, builds *build.Builds, ownKinds []schema.GroupVersionKind, peers *peers, woken *wakers, log logr.Logger) (status.RetentionReports, error) {
	if !o.retention.enabled {
		return nil, nil
	}
	sweeper := &retention.Sweeper{
		Policy: o.retention.policy,
		Prefix: o.registry,
		Registry: func() (retention.Registry, error) {
			return registry.NewClient(authn.DefaultKeychain, "toolforged/"+version, o.plainHTTP())
		},
		Shard:   "shard-" + strconv.Itoa(o.shard),
		Owns:    o.part().Owns,
		Tools:   m.GetClient(),
		Live:    m.GetAPIReader(),
		Objects: retention.Objects{Live: m.GetAPIReader(), Catalog: m.GetClient(), Kinds: ownKinds},
		Claims:  builds.Claims,
		Missing: func(tool string) {
			if builds.Doubt(tool) {
				woken.tools.Wake(tool)
			}
		},
		Now: time.Now,
		Log: slog.New(logr.ToSlogHandler(log.WithName("retention"))),
	}
	if err := m.Add(sweeper); err != nil {
		return nil, fmt.Errorf("add retention: %w", err)
	}
	reports := retaining{sweeper: sweeper, peers: peers}
	if err := metrics.Registry.Register(status.NewRetentionCollector(reports)); err != nil {
		return nil, fmt.Errorf("register the metrics of retention: %w", err)
	}
	return reports, nil
}

// retaining tells the status endpoint what was removed: by this replica, and by the other leaders.
type retaining struct {
	sweeper *retention.Sweeper
	peers   *peers
}

var _ status.RetentionReports = retaining{}

// Retention is what all leaders know, or with here this replica alone.
func (t retaining) Retention(ctx context.Context, here bool) (status.Retention, error) {
	report := status.Retention{Shards: []status.RetentionShard{}}
	if t.peers.leads() {
		report.Shards = append(report.Shards, t.own())
	}
	if here {
		return report, nil
	}
	others := t.peers.others()
	found := make([]status.RetentionShard, len(others))
	var asking sync.WaitGroup
	for i, shard := range others {
		asking.Go(func() { found[i] = t.ask(ctx, shard) })
	}
	asking.Wait()
	report.Shards = append(report.Shards, found...)
	slices.SortFunc(report.Shards, func(a, b status.RetentionShard) int { return cmp.Compare(a.Shard, b.Shard) })
	return report, nil
}

// ask is what the leader of a shard knows. Of one that does not answer nothing is known.
func (t retaining) ask(ctx context.Context, shard reconcile.Shard) status.RetentionShard {
	var report status.Retention
	data, err := t.peers.get(ctx, shard, status.RetentionPath+"?here=1")
	if err == nil {
		err = json.Unmarshal(data, &report)
	}
	if err != nil || len(report.Shards) == 0 {
		return status.RetentionShard{Shard: shard.Index}
	}
	return report.Shards[0]
}

func (t retaining) own() status.RetentionShard {
	report := t.sweeper.Report()
	return status.RetentionShard{
		Shard: t.peers.own.Index, Known: true, Images: report.Removed[build.OfImages], Caches: report.Removed[build.OfCaches],
		Logs: report.Removed[build.OfLogs], LastPass: timeOf(report.LastPass), Failed: report.Failed, Trouble: report.Trouble,
		Refused: report.Refused, Unlisted: report.Unlisted,
	}
}
