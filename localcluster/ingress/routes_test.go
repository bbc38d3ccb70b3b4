package ingress

import (
	"strings"
	"testing"
	"time"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// object makes an Ingress in the namespace "ns". A rule is "HOST PATH SERVICE";
// a path that begins with "=" is exact, a host "-" is none.
func object(name string, age int, rules ...string) *networkingv1.Ingress {
	created := time.Date(2026, 1, 1, 0, age, 0, 0, time.UTC)
	o := &networkingv1.Ingress{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, CreationTimestamp: metav1.NewTime(created)}}
	for _, rule := range rules {
		f := strings.Fields(rule)
		kind := networkingv1.PathTypePrefix
		path, exact := strings.CutPrefix(f[1], "=")
		if exact {
			kind = networkingv1.PathTypeExact
		}
		o.Spec.Rules = append(o.Spec.Rules, networkingv1.IngressRule{
			Host: strings.Trim(f[0], "-"),
			IngressRuleValue: networkingv1.IngressRuleValue{HTTP: &networkingv1.HTTPIngressRuleValue{
				Paths: []networkingv1.HTTPIngressPath{{
					Path: path, PathType: &kind,
					Backend: networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
						Name: f[2], Port: networkingv1.ServiceBackendPort{Number: 80},
					}},
				}},
			}},
		})
	}
	return o
}

func withClass(o *networkingv1.Ingress, class string) *networkingv1.Ingress {
	o.Spec.IngressClassName = &class
	return o
}

func withDefault(o *networkingv1.Ingress, service string) *networkingv1.Ingress {
	o.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: service}}
	return o
}

func TestFind(t *testing.T) {
	all := routes([]*networkingv1.Ingress{
		object("newer", 2, "a.example / newer"),
		object("older", 1, "a.example / older", "a.example /api api", "a.example =/api/exact exact", "a.example /api/v1/ v1"),
		object("wild", 1, "*.example / wild", "b.example /only only"),
		withClass(object("class", 1, "class.test / class"), Class),
		withClass(object("foreign", 1, "foreign.test / foreign"), "nginx"),
		withDefault(object("default", 3), "fallback"),
	})
	for _, tc := range []struct{ host, path, want string }{
		{"a.example", "/", "older"},
		{"A.Example", "/x", "older"},
		{"a.example.", "/x", "older"},
		{"a.example", "", "older"},
		{"a.example", "/api", "api"},
		{"a.example", "/api/x", "api"},
		{"a.example", "/apis", "older"},
		{"a.example", "/api/exact", "exact"},
		{"a.example", "/api/exact/more", "api"},
		{"a.example", "/api/v1", "v1"},
		{"a.example", "/api/v1/x", "v1"},
		{"b.example", "/only", "only"},
		{"b.example", "/else", "wild"},
		{"x.y.example", "/", "fallback"},
		{".example", "/", "fallback"},
		{"class.test", "/", "class"},
		{"foreign.test", "/", "fallback"},
		{"", "/", "fallback"},
	} {
		got, ok := find(all, tc.host, tc.path)
		if !ok || got.service != tc.want || got.namespace != "ns" {
			t.Errorf("%s%s goes to %v, want %s", tc.host, tc.path, got, tc.want)
		}
	}
}

func TestFindNothing(t *testing.T) {
	all := routes([]*networkingv1.Ingress{object("a", 1, "a.example /sub a"), {}})
	for _, target := range []string{"b.example/sub", "a.example/", "a.example/other"} {
		host, path, _ := strings.Cut(target, "/")
		if got, ok := find(all, host, "/"+path); ok {
			t.Errorf("%s goes to %v", target, got)
		}
	}
}

func FuzzFind(f *testing.F) {
	f.Add("a.example", "/", "a.example", "/")
	f.Add("*.example", "/x/", ".example", "/x")
	f.Fuzz(func(t *testing.T, pattern, prefix, host, path string) {
		if pattern == "" || strings.ContainsAny(pattern+prefix, " \t\n\r\v\f\u0085\u00a0") || len(strings.Fields(pattern+" "+prefix+" s")) != 3 {
			return
		}
		got, ok := find(routes([]*networkingv1.Ingress{object("x", 1, pattern+" "+prefix+" s")}), host, path)
		if ok && got.service != "s" {
			t.Errorf("%q%q: %v", host, path, got)
		}
	})
}
