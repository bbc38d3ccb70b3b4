package ingress

import (
	"cmp"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// Class is the name of the ingress class that is followed. An Ingress that
// names none is followed too.
const Class = "local"

// backend is a port of a Service.
type backend struct {
	namespace, service string
	// port is the name or, when that is empty, the number of the Service's port.
	port   string
	number int32
}

// route sends requests for a host and path to a backend.
type route struct {
	host    string // empty: every host; "*.x": every host one label below x
	path    string // without a slash at its end
	exact   bool
	backend backend
}

// routes lists what the Ingress objects say, the most specific first: a host
// that is named before a wildcard before none, an exact path before a prefix, a
// longer path before a shorter one. Among equals the older Ingress comes first.
func routes(objects []*networkingv1.Ingress) []route {
	objects = slices.Clone(objects)
	slices.SortStableFunc(objects, func(a, b *networkingv1.Ingress) int {
		return cmp.Or(
			a.CreationTimestamp.Compare(b.CreationTimestamp.Time),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	var all []route
	for _, object := range objects {
		if object.Spec.IngressClassName == nil || *object.Spec.IngressClassName == Class {
			all = append(all, routesOf(object)...)
		}
	}
	slices.SortStableFunc(all, func(a, b route) int {
		return cmp.Or(
			cmp.Compare(hostRank(a.host), hostRank(b.host)),
			cmp.Compare(len(b.path), len(a.path)),
			compareBool(b.exact, a.exact))
	})
	return all
}

func routesOf(object *networkingv1.Ingress) []route {
	var found []route
	add := func(host, path string, exact bool, to *networkingv1.IngressServiceBackend) {
		if to == nil {
			return // a backend that is not a Service
		}
		if !exact {
			path = strings.TrimRight(path, "/")
		}
		found = append(found, route{
			host: strings.ToLower(host), path: path, exact: exact,
			backend: backend{object.Namespace, to.Name, to.Port.Name, to.Port.Number},
		})
	}
	for _, rule := range object.Spec.Rules {
		if rule.HTTP == nil {
			continue
		}
		for _, p := range rule.HTTP.Paths {
			exact := p.PathType != nil && *p.PathType == networkingv1.PathTypeExact
			add(rule.Host, p.Path, exact, p.Backend.Service)
		}
	}
	if object.Spec.DefaultBackend != nil {
		add("", "", false, object.Spec.DefaultBackend.Service)
	}
	return found
}

// find returns the backend for a request; host is without a port.
func find(all []route, host, path string) (backend, bool) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, r := range all {
		if matchesHost(r.host, host) && r.matchesPath(path) {
			return r.backend, true
		}
	}
	return backend{}, false
}

func matchesHost(pattern, host string) bool {
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		label, below := strings.CutSuffix(host, suffix)
		return below && label != "" && !strings.Contains(label, ".")
	}
	return pattern == "" || pattern == host
}

// matchesPath compares whole path elements: /api is not a prefix of /apis.
func (r route) matchesPath(path string) bool {
	if r.exact {
		return path == r.path
	}
	rest, ok := strings.CutPrefix(path, r.path)
	return ok && (rest == "" || rest[0] == '/')
}

func hostRank(host string) int {
	switch {
	case host == "":
		return 2
	case strings.HasPrefix(host, "*"):
		return 1
	}
	return 0
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}
