package ingress

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

// world is a cluster's objects, without a cluster.
type world struct {
	t                              *testing.T
	view                           *view
	ingresses, services, endpoints cache.Indexer
	sites, status                  string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	index := func() cache.Indexer {
		return cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	}
	w := &world{t: t, ingresses: index(), services: index(), endpoints: index()}
	in := &Ingress{
		view: &view{
			ingresses: networkinglisters.NewIngressLister(w.ingresses),
			services:  corelisters.NewServiceLister(w.services),
			slices:    discoverylisters.NewEndpointSliceLister(w.endpoints),
		},
		log:  slog.New(slog.NewTextHandler(t.Output(), nil)),
		base: newTransport(),
	}
	sites, status := httptest.NewServer(in.Sites()), httptest.NewServer(in.Status())
	t.Cleanup(func() { sites.Close(); status.Close() })
	w.view, w.sites, w.status = in.view, sites.URL, status.URL
	return w
}

func (w *world) add(index cache.Indexer, object any) {
	w.t.Helper()
	if err := index.Update(object); err != nil {
		w.t.Fatal(err)
	}
}

// serve makes a Service whose endpoints are at addresses, all ready.
func (w *world) serve(namespace, name string, addresses ...string) {
	w.t.Helper()
	w.add(w.services, &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}}},
	})
	for i, address := range addresses {
		host, port, err := net.SplitHostPort(address)
		if err != nil {
			w.t.Fatal(err)
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			w.t.Fatal(err)
		}
		w.add(w.endpoints, &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: fmt.Sprint(name, i), Labels: map[string]string{discoveryv1.LabelServiceName: name},
			},
			Ports:     []discoveryv1.EndpointPort{{Name: ptr("http"), Port: ptr(int32(number))}},
			Endpoints: []discoveryv1.Endpoint{{Addresses: []string{host}}},
		})
	}
}

// site starts a web server and returns its address.
func site(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// deadAddress is one where nothing listens.
func deadAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func ask(t *testing.T, method, url, host string, body io.Reader) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = host
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestRequestReachesItsSite(t *testing.T) {
	w := newWorld(t)
	w.add(w.ingresses, object("a", 1, "a.localhost / a"))
	w.serve("ns", "a", site(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s for %s", r.Method, r.Host, r.URL, r.Header.Get("X-Forwarded-For"))
	}))
	status, text := ask(t, http.MethodGet, w.sites+"/x%2fy?q=1", "a.localhost:8080", nil)
	if status != http.StatusOK || text != "GET a.localhost:8080 /x%2fy?q=1 for 127.0.0.1" {
		t.Errorf("%d %q", status, text)
	}
}

func TestUnknownHostAndNothingReady(t *testing.T) {
	w := newWorld(t)
	w.add(w.ingresses, object("a", 1, "a.localhost / a", "b.localhost / missing"))
	w.serve("ns", "a")
	for host, want := range map[string]int{"c.localhost": 404, "a.localhost": 503, "b.localhost": 503} {
		if status, text := ask(t, http.MethodGet, w.sites, host, nil); status != want {
			t.Errorf("%s: %d %q, want %d", host, status, text, want)
		}
	}
	if _, text := ask(t, http.MethodGet, w.sites+"/<script>", "c.localhost", nil); strings.Contains(text, "<script>") {
		t.Errorf("the page repeats what it was asked as it is: %s", text)
	}
}

func TestAnotherEndpointAnswersForADeadOne(t *testing.T) {
	w := newWorld(t)
	w.add(w.ingresses, object("a", 1, "a.localhost / a"))
	w.serve("ns", "a", deadAddress(t), site(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	}), deadAddress(t))
	for range 6 {
		status, text := ask(t, http.MethodPost, w.sites, "a.localhost", strings.NewReader("the whole body"))
		if status != http.StatusOK || text != "the whole body" {
			t.Fatalf("%d %q", status, text)
		}
	}
}

func TestEndpointThatComesMeanwhile(t *testing.T) {
	late := site(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "late") })
	looked := 0
	client := &http.Client{Transport: &retrier{
		base: newTransport(),
		next: new(atomic.Uint64),
		endpoints: func() ([]string, error) {
			if looked++; looked < 3 {
				return []string{deadAddress(t)}, nil
			}
			return []string{late}, nil
		},
	}}
	response, err := client.Get("http://endpoint/")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, err := io.ReadAll(response.Body); err != nil || string(text) != "late" || looked != 3 {
		t.Errorf("%q after looking %d times, %v", text, looked, err)
	}
}

// A request that is sent again goes on to the next endpoint, however many other requests have had their turn meanwhile.
func TestOthersDoNotTakeTheTurn(t *testing.T) {
	alive := site(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "alive") })
	dead := deadAddress(t)
	var next atomic.Uint64
	client := &http.Client{Transport: &retrier{
		base: newTransport(),
		endpoints: func() ([]string, error) {
			next.Add(1) // another request's
			return []string{dead, alive}, nil
		},
		next: &next,
	}}
	for range 2 {
		response, err := client.Get("http://site.example/")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
}

func TestRoutesFollowChanges(t *testing.T) {
	w := newWorld(t)
	w.serve("ns", "a", site(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a") }))
	if status, _ := ask(t, http.MethodGet, w.sites, "a.localhost", nil); status != http.StatusNotFound {
		t.Errorf("before: %d", status)
	}
	w.add(w.ingresses, object("a", 1, "a.localhost / a"))
	w.view.changed()
	if status, _ := ask(t, http.MethodGet, w.sites, "a.localhost", nil); status != http.StatusOK {
		t.Errorf("after: %d", status)
	}
}

// A request that may have done something is sent once only, even if the answer
// never comes.
func TestPostIsNotSentTwice(t *testing.T) {
	w := newWorld(t)
	w.add(w.ingresses, object("a", 1, "a.localhost / a"))
	requests := make(chan string, 20)
	w.serve("ns", "a", site(t, func(_ http.ResponseWriter, r *http.Request) {
		requests <- r.Method
		panic(http.ErrAbortHandler)
	}))
	if status, _ := ask(t, http.MethodPost, w.sites, "a.localhost", strings.NewReader("x")); status != http.StatusBadGateway {
		t.Errorf("status %d", status)
	}
	if len(requests) != 1 {
		t.Errorf("it was sent %d times", len(requests))
	}
	if status, _ := ask(t, http.MethodGet, w.sites, "a.localhost", nil); status != http.StatusBadGateway {
		t.Errorf("status %d", status)
	}
	if len(requests) != 1+attempts {
		t.Errorf("a GET was sent %d times, want %d", len(requests)-1, attempts)
	}
}

func TestStatusPortGoesToToolforged(t *testing.T) {
	w := newWorld(t)
	if status, _ := ask(t, http.MethodGet, w.status, "127.0.0.1:8081", nil); status != http.StatusServiceUnavailable {
		t.Errorf("without toolforged: %d", status)
	}
	w.serve("toolforged", "toolforged", site(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL.Path) }))
	if status, text := ask(t, http.MethodGet, w.status+"/api/v1/tools", "anything", nil); status != http.StatusOK || text != "/api/v1/tools" {
		t.Errorf("%d %q", status, text)
	}
}
