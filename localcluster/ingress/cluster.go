package ingress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	discoverylisters "k8s.io/client-go/listers/discovery/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"
)

// errNoBackend is for a host and path that no Ingress names.
var errNoBackend = errors.New("no Ingress names this host and path")

// view is what the cluster's objects say, kept up to date by watches.
type view struct {
	ingresses networkinglisters.IngressLister
	services  corelisters.ServiceLister
	slices    discoverylisters.EndpointSliceLister
	// changes counts what happened to Ingress objects, and sorted holds the
	// routes as they were at one of these counts.
	changes atomic.Uint64
	sorted  atomic.Pointer[snapshot]
}

type snapshot struct {
	at     uint64
	routes []route
}

// changed makes the next request read the Ingress objects again.
func (v *view) changed() { v.changes.Add(1) }

// watch returns when the view has been filled once. It is kept up to date until
// ctx ends.
func watch(ctx context.Context, client kubernetes.Interface) (*view, error) {
	factory := informers.NewSharedInformerFactory(client, 0)
	v := &view{
		ingresses: factory.Networking().V1().Ingresses().Lister(),
		services:  factory.Core().V1().Services().Lister(),
		slices:    factory.Discovery().V1().EndpointSlices().Lister(),
	}
	_, err := factory.Networking().V1().Ingresses().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { v.changed() },
		UpdateFunc: func(any, any) { v.changed() },
		DeleteFunc: func(any) { v.changed() },
	})
	if err != nil {
		return nil, fmt.Errorf("watching Ingress objects: %w", err)
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, fmt.Errorf("reading the cluster's %v: %w", kind, ctx.Err())
		}
	}
	return v, nil
}

// route finds where requests for a host and path go.
func (v *view) route(host, path string) (backend, error) {
	all, err := v.routes()
	if err != nil {
		return backend{}, err
	}
	b, ok := find(all, host, path)
	if !ok {
		return backend{}, errNoBackend
	}
	return b, nil
}

// routes sorts the routes only when an Ingress has changed.
func (v *view) routes() ([]route, error) {
	// The count comes first: a change after it makes the result old at once.
	at := v.changes.Load()
	if known := v.sorted.Load(); known != nil && known.at == at {
		return known.routes, nil
	}
	objects, err := v.ingresses.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	fresh := &snapshot{at: at, routes: routes(objects)}
	v.sorted.Store(fresh)
	return fresh.routes, nil
}

// endpoints are the addresses (HOST:PORT) of b that want requests now. An
// empty list and no error means: none is ready, or there is no such Service.
func (v *view) endpoints(b backend) ([]string, error) {
	service, err := v.services.Services(b.namespace).Get(b.service)
	if err != nil {
		return nil, nil //nolint:nilerr // a Service may come later than its Ingress
	}
	port, ok := portName(service, b)
	if !ok {
		return nil, nil
	}
	selector := labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: b.service})
	found, err := v.slices.EndpointSlices(b.namespace).List(selector)
	if err != nil {
		return nil, err
	}
	return readyAddresses(found, port), nil
}

// portName is the name of the Service's port that b means; an unnamed port has
// the name "".
func portName(service *corev1.Service, b backend) (string, bool) {
	for _, p := range service.Spec.Ports {
		if (b.port != "" && p.Name == b.port) || (b.port == "" && p.Port == b.number) {
			return p.Name, true
		}
	}
	return "", false
}

// readyAddresses are those of the endpoints that take requests: ready, serving
// and not about to end.
func readyAddresses(found []*discoveryv1.EndpointSlice, port string) []string {
	seen := map[string]bool{}
	var addresses []string
	for _, slice := range found {
		number, ok := portNumber(slice, port)
		if !ok || slice.AddressType == discoveryv1.AddressTypeFQDN {
			continue
		}
		for _, endpoint := range slice.Endpoints {
			if !takesRequests(endpoint.Conditions) || len(endpoint.Addresses) == 0 {
				continue
			}
			// Further addresses of an endpoint have no meaning (Kubernetes' API).
			address := net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(number)))
			if !seen[address] {
				seen[address] = true
				addresses = append(addresses, address)
			}
		}
	}
	return addresses
}

func portNumber(slice *discoveryv1.EndpointSlice, name string) (int32, bool) {
	for _, p := range slice.Ports {
		if p.Port != nil && (p.Name == nil && name == "" || p.Name != nil && *p.Name == name) {
			return *p.Port, true
		}
	}
	return 0, false
}

// takesRequests reads the conditions as the API defines them: what is left out
// counts as ready and as serving, and not as terminating.
func takesRequests(c discoveryv1.EndpointConditions) bool {
	is := func(value *bool, otherwise bool) bool {
		if value == nil {
			return otherwise
		}
		return *value
	}
	return is(c.Ready, true) && is(c.Serving, true) && !is(c.Terminating, false)
}
