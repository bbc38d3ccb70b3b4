package status

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"
)

// NewPollingCollector returns a collector that tells, at each scrape, how the polls of this replica go: nothing on one
// that does not lead. The caller registers it.
func NewPollingCollector(reports PollingReports) prometheus.Collector {
	return pollingCollector{
		reports: reports,
		staleness: prometheus.NewDesc("toolforged_poll_staleness_seconds",
			"For how long it has not been known what the followed refs name: since the last poll began that saw it.", []string{"quantile"}, nil),
		repositories: prometheus.NewDesc("toolforged_polled_repositories", "Repositories that are followed.", nil, nil),
		late: prometheus.NewDesc("toolforged_polled_repositories_late",
			"Repositories that are further behind than their interval and a quarter of it.", nil, nil),
		hosts: prometheus.NewDesc("toolforged_git_hosts", "Git servers by state.", []string{"state"}, nil),
	}
}

type pollingCollector struct {
	reports                              PollingReports
	staleness, repositories, late, hosts *prometheus.Desc
}

var _ prometheus.Collector = pollingCollector{}

// Describe sends the metrics.
func (c pollingCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{c.staleness, c.repositories, c.late, c.hosts} {
		descs <- desc
	}
}

// Collect measures.
func (c pollingCollector) Collect(metrics chan<- prometheus.Metric) {
	report, err := c.reports.Polling(context.Background(), true)
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(c.staleness, err)
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for _, shard := range report.Shards { // its own
		gauge(c.staleness, shard.Staleness.Median, "0.5")
		gauge(c.staleness, shard.Staleness.P99, "0.99")
		gauge(c.staleness, shard.Staleness.Max, "1")
		gauge(c.repositories, float64(shard.Repositories))
		gauge(c.late, float64(shard.Late))
		states := map[string]int{"well": 0, "failing": 0, "down": 0, "paused": 0}
		for _, host := range report.Hosts {
			states[host.State]++
		}
		for state, n := range states {
			gauge(c.hosts, float64(n), state)
		}
	}
}
