package status

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// RetentionPath is where what was removed from the registry is told as JSON; with ?here=1, what the asked replica alone knows.
const RetentionPath = "/api/v1/retention"

// RetentionReports tell what was removed from the registry. They are safe for concurrent use.
type RetentionReports interface {
	// Retention is what all replicas that lead know, or with here this one alone: nothing when it does not lead.
	Retention(ctx context.Context, here bool) (Retention, error)
}

// Retention is the answer to /api/v1/retention.
type Retention struct {
	// Shards are the parts into which the tools are divided, by number.
	Shards []RetentionShard `json:"shards"`
}

// RetentionShard is what was removed of one part of the tools.
type RetentionShard struct {
	// Shard counts from 0.
	Shard int `json:"shard"`
	// Known is false when the part's leader cannot be asked: nothing else is known then.
	Known bool `json:"known"`
	// Images, Caches and Logs count what was removed since that leader started.
	Images int `json:"images"`
	Caches int `json:"caches"`
	Logs   int `json:"logs"`
	// LastPass is when the last pass over all tools ended, null before the first has.
	LastPass *time.Time `json:"last_pass"`
	// Failed counts what went wrong in it, and Trouble is the last of that.
	Failed  int    `json:"failed"`
	Trouble string `json:"trouble"`
	// Refused says why the registry removes nothing, Unlisted why it does not list its repositories; "" when it does.
	Refused  string `json:"refused"`
	Unlisted string `json:"unlisted"`
}

// retentionOf is a report whose texts, which the registry may have written, are fit to be shown.
func retentionOf(ctx context.Context, reports RetentionReports, here bool) (Retention, error) {
	ctx, cancel := context.WithTimeout(ctx, pollingTimeout)
	defer cancel()
	report, err := reports.Retention(ctx, here)
	for i := range report.Shards {
		s := &report.Shards[i]
		s.Trouble, s.Refused, s.Unlisted = message(s.Trouble), message(s.Refused), message(s.Unlisted)
	}
	return report, err
}

func (a api) serveRetention(w http.ResponseWriter, r *http.Request) {
	report, err := retentionOf(r.Context(), a.retention, r.URL.Query().Get("here") != "")
	if err != nil {
		a.fail(w, err)
		return
	}
	a.answer(w, http.StatusOK, report)
}

// retained is what to show on the page of builds. That it cannot be told is no reason not to show the rest.
func (p pages) retained(ctx context.Context) *Retention {
	if p.retention == nil {
		return nil
	}
	report, err := retentionOf(ctx, p.retention, false)
	if err != nil {
		p.log.Info("what was removed from the registry cannot be told", "error", err.Error())
		return nil
	}
	return &report
}

// NewRetentionCollector returns a collector that tells, at each scrape, what this replica has removed: nothing on one that does not
// lead. The caller registers it.
func NewRetentionCollector(reports RetentionReports) prometheus.Collector {
	return retentionCollector{
		reports:  reports,
		removed:  prometheus.NewDesc("toolforged_retention_removed_total", "What was removed from the registry since the start.", []string{"kind"}, nil),
		lastPass: prometheus.NewDesc("toolforged_retention_last_pass_timestamp_seconds", "When the last pass over all tools ended.", nil, nil),
		failed:   prometheus.NewDesc("toolforged_retention_failed", "What went wrong in the last pass.", nil, nil),
		refused:  prometheus.NewDesc("toolforged_retention_refused", "1 when the registry removes nothing.", nil, nil),
	}
}

type retentionCollector struct {
	reports                            RetentionReports
	removed, lastPass, failed, refused *prometheus.Desc
}

var _ prometheus.Collector = retentionCollector{}

// Describe sends the metrics.
func (c retentionCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.removed, c.lastPass, c.failed, c.refused} {
		descs <- desc
	}
}

// Collect counts.
func (c retentionCollector) Collect(metrics chan<- prometheus.Metric) {
	report, err := c.reports.Retention(context.Background(), true)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(c.removed, err)
		return
	}
	for _, shard := range report.Shards { // its own
		for kind, n := range map[string]int{"image": shard.Images, "cache": shard.Caches, "log": shard.Logs} {
			metrics <- prometheus.MustNewConstMetric(c.removed, prometheus.CounterValue, float64(n), kind)
		}
		gauge := func(desc *prometheus.Desc, value float64) {
			metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
		}
		gauge(c.failed, float64(shard.Failed))
		if shard.LastPass != nil {
			gauge(c.lastPass, float64(shard.LastPass.Unix()))
		}
		refused := 0.0
		if shard.Refused != "" {
			refused = 1
		}
		gauge(c.refused, refused)
	}
}
