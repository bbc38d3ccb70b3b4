package render

import (
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	accorev1 "k8s.io/client-go/applyconfigurations/core/v1"
	acnetworkingv1 "k8s.io/client-go/applyconfigurations/networking/v1"

	"github.com/toolforge/toolforged/manifest"
)

// WebserviceName is the name of all objects of a webservice.
const WebserviceName = manifest.WebserviceName

func webservice(in Input) []any {
	w := in.Manifest.Webservice
	p := process{
		name:    WebserviceName,
		image:   in.Images[ImageName(&w.Run)],
		run:     w.Run,
		volumes: in.mounts(w.Run),
		env:     []map[string]string{in.Manifest.Env, w.Env},
		secrets: []map[string]manifest.Secret{in.Manifest.Secrets, w.Secrets},
		port:    w.Port,
		check:   w.HealthCheck,
		serves:  true,
	}
	labels := in.labels("webservice", WebserviceName)
	return []any{
		deployment(in, p, labels, w.Replicas),
		service(in, p, labels),
		ingress(in, labels),
	}
}

func service(in Input, p process, labels map[string]string) *accorev1.ServiceApplyConfiguration {
	return accorev1.Service(p.name, in.Namespace).
		WithLabels(labels).
		WithSpec(accorev1.ServiceSpec().
			WithSelector(selector(p.name)).
			WithPorts(accorev1.ServicePort().
				WithName("main").
				WithProtocol(protocol(p.proto)).
				WithPort(int32(p.port)).
				WithTargetPort(intstr.FromString("main"))))
}

func ingress(in Input, labels map[string]string) *acnetworkingv1.IngressApplyConfiguration {
	backend := acnetworkingv1.IngressBackend().WithService(acnetworkingv1.IngressServiceBackend().
		WithName(WebserviceName).
		WithPort(acnetworkingv1.ServiceBackendPort().WithName("main")))
	paths := acnetworkingv1.HTTPIngressRuleValue()
	for _, path := range in.Manifest.Webservice.Paths {
		paths.WithPaths(acnetworkingv1.HTTPIngressPath().
			WithPath(path).
			WithPathType(networkingv1.PathTypePrefix).
			WithBackend(backend))
	}
	spec := acnetworkingv1.IngressSpec()
	for _, host := range append([]string{in.Host()}, in.Hosts...) {
		spec.WithRules(acnetworkingv1.IngressRule().WithHost(host).WithHTTP(paths))
	}
	if in.IngressClass != "" {
		spec.WithIngressClassName(in.IngressClass)
	}
	return acnetworkingv1.Ingress(WebserviceName, in.Namespace).WithLabels(labels).WithSpec(spec)
}
