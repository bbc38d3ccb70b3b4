package status

import (
	"context"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NewCollector returns a collector that counts the tools in the reader's cache by verdict, at each scrape, and names the
// version that runs. The caller registers it.
func NewCollector(reader client.Reader, version string) prometheus.Collector {
	return collector{
		store:   store{reader: reader},
		version: version,
		tools: prometheus.NewDesc("toolforged_tools",
			"Tools by the status and reason of their Ready condition.", []string{"ready", "reason"}, nil),
		build: prometheus.NewDesc("toolforged_build_info",
			"The version of toolforged and of the Go that built it; always 1.", []string{"version", "go_version"}, nil),
	}
}

type collector struct {
	store        store
	version      string
	tools, build *prometheus.Desc
}

var _ prometheus.Collector = collector{}

// Describe sends the two metrics.
func (c collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- c.tools
	descs <- c.build
}

// Collect counts. When the cache cannot be read, the count is missing and the gatherer gets an error: no number is
// better than 0.
func (c collector) Collect(metrics chan<- prometheus.Metric) {
	metrics <- prometheus.MustNewConstMetric(c.build, prometheus.GaugeValue, 1, c.version, runtime.Version())
	tools, err := c.store.tools(context.Background(), "")
	if err != nil {
		metrics <- prometheus.NewInvalidMetric(c.tools, err)
		return
	}
	type labels struct{ ready, reason string }
	counts := map[labels]float64{}
	for _, t := range tools {
		counts[labels{t.Ready, t.Reason}]++
	}
	for l, count := range counts {
		metrics <- prometheus.MustNewConstMetric(c.tools, prometheus.GaugeValue, count, l.ready, l.reason)
	}
}
