package status

import (
	"cmp"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Options are what the endpoint needs. All are required but Live, Logs, BuildLogs, SBOMs, Polling, Retention, Webhooks, Ready,
// Version, Log and Reference.
type Options struct {
	// Reader reads Tools, Directories, Builders, Jobs, CronJobs and Deployments: a cache, for every request lists them.
	Reader client.Reader
	// Live reads pods from the API server: of a tool one of whose jobs is in trouble, when somebody looks at it. Without it,
	// nothing is said of exit codes, and there are no logs.
	Live client.Reader
	// Logs reads the output of jobs; nil shows none. Whoever reaches the endpoint reads it then.
	Logs Logs
	// Polling tells how repositories are asked for; nil shows nothing of it.
	Polling PollingReports
	// Retention tells what was removed from the registry; nil shows nothing of it.
	Retention RetentionReports
	// Webhooks answers what is posted below WebhookPath; nil has no webhooks.
	Webhooks http.Handler
	// BuildLogs reads what builds print; nil shows none. Whoever reaches the endpoint reads it.
	BuildLogs BuildLogs
	// SBOMs reads what is in images; nil shows nothing of it. Whoever reaches the endpoint reads it.
	SBOMs SBOMs
	// Ready says why requests should not come here yet; nil is always ready.
	Ready func() error
	// Metrics is what /metrics shows.
	Metrics prometheus.Gatherer
	// Now is the clock that "3 minutes ago" is counted from.
	Now func() time.Time
	// Version is toolforged's own, shown at the foot of each page.
	Version string
	// Log gets what went wrong on this side.
	Log logr.Logger
	// Schema is the JSON Schema of toolforge.yaml.
	Schema []byte
	// Validate says what is wrong with a toolforge.yaml of at most MaxValidated bytes, and how it is read when it is in an older
	// format; the links are left out. It is safe for concurrent use.
	Validate func(file []byte) ([]Problem, *Conversion)
	// Docs holds the pages of the documentation, *.md.
	Docs fs.FS
	// Reference is the address of the page about toolforge.yaml, to which problems link; empty for the one among Docs.
	Reference string
}

// readTimeout bounds the wait for the cache, which answers only once it is filled.
const readTimeout = 5 * time.Second

// New returns the handler of the status endpoint. It answers GET and HEAD, and POST where a file is checked or a webhook is
// taken; it needs no login, and is safe for concurrent use.
func New(o Options) http.Handler {
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	refer := references(cmp.Or(o.Reference, ownReference))
	store := store{reader: o.Reader, refer: refer, pods: newPods(o.Live, o.Now, o.Log), now: o.Now, logs: o.Logs != nil}
	api := api{store: store, log: o.Log, polling: o.Polling, retention: o.Retention}
	checker := newChecker(api, o.Validate, refer)
	pages := pages{store: store, log: o.Log, now: o.Now, version: o.Version, polling: o.Polling, retention: o.Retention,
		buildLogs: o.BuildLogs != nil, sboms: o.SBOMs != nil}

	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", serveHealth)
	mux.HandleFunc("/readyz", serveReadiness(o.Ready))
	mux.Handle("/metrics", serveMetrics(o.Metrics, o.Log))
	mux.HandleFunc("/api/v1/tools", api.serveTools)
	mux.HandleFunc("/api/v1/tools/{name}", api.serveTool)
	mux.HandleFunc("/api/v1/tools/{name}/jobs/{job}/log", jobLogs{api, o.Logs, make(chan struct{}, askedAtOnce)}.serve)
	mux.HandleFunc("/api/v1/builds", api.serveAllBuilds)
	mux.HandleFunc("/api/v1/tools/{name}/builds", api.serveToolBuilds)
	mux.HandleFunc("/api/v1/tools/{name}/builds/{key}", api.serveBuild)
	mux.HandleFunc("/api/v1/builders", api.serveBuilders)
	mux.HandleFunc("/api/v1/directories", api.serveDirectories)
	if o.Polling != nil {
		mux.HandleFunc(PollingPath, api.servePolling)
		mux.HandleFunc(ToolPollingPath("{name}"), api.serveToolPolling)
		mux.HandleFunc("/polling", pages.servePolling)
	}
	if o.Retention != nil {
		mux.HandleFunc(RetentionPath, api.serveRetention)
	}
	if o.Webhooks != nil {
		mux.Handle(WebhookPath, o.Webhooks)
	}
	mux.HandleFunc("POST "+validatePath, checker.serve)
	mux.HandleFunc(validatePath, checker.serveOther)
	mux.HandleFunc("/api/", api.serveNothing)
	mux.HandleFunc("/schema/toolforge-v1.json", serveSchema(o.Schema))
	mux.HandleFunc("/{$}", pages.serveTools)
	mux.HandleFunc("/tools/{name}", pages.serveTool)
	mux.HandleFunc("/tools/{name}/builds", pages.serveToolBuilds)
	mux.HandleFunc("/tools/{name}/builds/{key}", pages.serveBuild)
	mux.HandleFunc("/builds", pages.serveAllBuilds)
	mux.HandleFunc("/builders", pages.serveBuilders)
	mux.HandleFunc("/directories", pages.serveDirectories)
	builds := newBuildLogs(pages, o.BuildLogs)
	mux.HandleFunc("/tools/{name}/builds/{key}/log", builds.serveText)
	mux.HandleFunc("/tools/{name}/builds/{key}/log.html", builds.servePage)
	contents := newSBOMs(pages, o.SBOMs)
	mux.HandleFunc("/tools/{name}/builds/{key}/sbom", contents.servePage)
	mux.HandleFunc("/api/v1/tools/{name}/builds/{key}/sbom", contents.serveJSON)
	pages.addDocs(mux, o.Docs)
	mux.HandleFunc("/", pages.serveNothing)
	return secured(readOnly(mux))
}

func serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeText(w, http.StatusOK, "ok\n")
}

func serveReadiness(ready func() error) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			writeText(w, http.StatusServiceUnavailable, "not ready: "+message(err.Error())+"\n")
			return
		}
		writeText(w, http.StatusOK, "ok\n")
	}
}

func serveMetrics(metrics prometheus.Gatherer, log logr.Logger) http.Handler {
	return promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
		ErrorLog:            metricsLog{log},
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
		Timeout:             2 * readTimeout,
	})
}

type metricsLog struct{ logr.Logger }

func (l metricsLog) Println(v ...any) { l.Info("gathering metrics failed", "detail", fmt.Sprint(v...)) }
