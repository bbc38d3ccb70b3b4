// Package ingress brings HTTP requests from the host to the pods: it follows
// Ingress, Service and EndpointSlice objects and sends each request to an
// endpoint that is ready. It does not know what a tool is.
// The entry point is [New].
package ingress

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"

	"k8s.io/client-go/kubernetes"
)

// statusBackend is the Service behind the status port.
var statusBackend = backend{namespace: "toolforged", service: "toolforged", port: "http"}

// Ingress holds the two handlers of the host's ports.
type Ingress struct {
	view *view
	log  *slog.Logger
	next atomic.Uint64
	base http.RoundTripper
}

// New watches the cluster until ctx ends, and returns when everything has been
// read once.
func New(ctx context.Context, client kubernetes.Interface, log *slog.Logger) (*Ingress, error) {
	v, err := watch(ctx, client)
	if err != nil {
		return nil, err
	}
	return &Ingress{view: v, log: log, base: newTransport()}, nil
}

// Sites answers for every host that an Ingress names.
func (i *Ingress) Sites() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOnly(r.Host)
		to, err := i.view.route(host, r.URL.Path)
		if errors.Is(err, errNoBackend) {
			page(w, http.StatusNotFound, "There is nothing at "+host+r.URL.Path+".")
			return
		}
		if err != nil {
			page(w, http.StatusInternalServerError, err.Error())
			return
		}
		i.forward(w, r, to)
	})
}

// Status sends every request to the status endpoint of toolforged.
func (i *Ingress) Status() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { i.forward(w, r, statusBackend) })
}

func (i *Ingress) forward(w http.ResponseWriter, r *http.Request, to backend) {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			// The transport puts an endpoint's address in the host's place.
			p.SetURL(&url.URL{Scheme: "http", Host: "endpoint"})
			p.Out.Host = p.In.Host
			p.SetXForwarded()
		},
		Transport: &retrier{
			base:      i.base,
			endpoints: func() ([]string, error) { return i.view.endpoints(to) },
			next:      &i.next,
		},
		FlushInterval: -1,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			i.failed(w, r, to, err)
		},
		ErrorLog: slog.NewLogLogger(i.log.Handler(), slog.LevelWarn),
	}
	proxy.ServeHTTP(w, r)
}

func (i *Ingress) failed(w http.ResponseWriter, r *http.Request, to backend, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client has left
	}
	if errors.Is(err, errNoneReady) {
		page(w, http.StatusServiceUnavailable, "Nothing behind "+hostOnly(r.Host)+" is ready to answer yet.")
		return
	}
	i.log.Warn("request failed", "namespace", to.namespace, "service", to.service, "error", err)
	page(w, http.StatusBadGateway, "What is behind "+hostOnly(r.Host)+" did not answer.")
}

func hostOnly(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return hostport
}

func page(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	title := fmt.Sprintf("%d %s", status, http.StatusText(status))
	fmt.Fprintf(w, "<!doctype html>\n<title>%s</title>\n<h1>%s</h1>\n<p>%s</p>\n", title, title, html.EscapeString(text))
}
