package ingress

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

func ptr[T any](v T) *T { return &v }

func TestReadyAddresses(t *testing.T) {
	endpoint := func(address string, ready, serving, terminating *bool) discoveryv1.Endpoint {
		return discoveryv1.Endpoint{
			Addresses:  []string{address},
			Conditions: discoveryv1.EndpointConditions{Ready: ready, Serving: serving, Terminating: terminating},
		}
	}
	yes, no := ptr(true), ptr(false)
	ports := []discoveryv1.EndpointPort{{Name: ptr("other"), Port: ptr[int32](1)}, {Name: ptr("http"), Port: ptr[int32](8000)}}
	slices := []*discoveryv1.EndpointSlice{
		{
			Ports: ports,
			Endpoints: []discoveryv1.Endpoint{
				endpoint("10.0.0.1", yes, yes, no),
				endpoint("10.0.0.2", no, yes, no),
				endpoint("10.0.0.3", yes, no, no),
				endpoint("10.0.0.4", no, yes, yes),
				endpoint("10.0.0.5", nil, nil, nil),
				endpoint("10.0.0.6", yes, yes, yes), // publishNotReadyAddresses
				{Conditions: discoveryv1.EndpointConditions{Ready: yes}},
			},
		},
		{Ports: ports, Endpoints: []discoveryv1.Endpoint{endpoint("10.0.0.1", yes, yes, no), endpoint("fd00::1", yes, nil, nil)}},
		{Ports: ports[:1], Endpoints: []discoveryv1.Endpoint{endpoint("10.0.0.8", yes, yes, no)}},
		{Ports: ports, AddressType: discoveryv1.AddressTypeFQDN, Endpoints: []discoveryv1.Endpoint{endpoint("name", yes, yes, no)}},
	}
	want := []string{"10.0.0.1:8000", "10.0.0.5:8000", "[fd00::1]:8000"}
	if diff := cmp.Diff(want, readyAddresses(slices, "http")); diff != "" {
		t.Error(diff)
	}
}

func TestPortName(t *testing.T) {
	service := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 80}, {Name: "metrics", Port: 9090}}}}
	for _, tc := range []struct {
		backend backend
		want    string
		ok      bool
	}{
		{backend{port: "metrics"}, "metrics", true},
		{backend{number: 80}, "http", true},
		{backend{number: 81}, "", false},
		{backend{port: "grpc"}, "", false},
	} {
		if got, ok := portName(service, tc.backend); got != tc.want || ok != tc.ok {
			t.Errorf("%v: %q, %v", tc.backend, got, ok)
		}
	}
	unnamed := &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}
	if got, ok := portName(unnamed, backend{number: 80}); got != "" || !ok {
		t.Errorf("an unnamed port: %q, %v", got, ok)
	}
}
