package main

import (
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ownClients makes clients that have no other rights than those of one service account. Making one costs no request.
func ownClients(m ctrl.Manager, config *rest.Config) func(namespace, account string) (client.Client, error) {
	return func(namespace, account string) (client.Client, error) {
		as := rest.CopyConfig(config)
		as.Impersonate = rest.ImpersonationConfig{UserName: "system:serviceaccount:" + namespace + ":" + account}
		return client.New(as, client.Options{Scheme: m.GetScheme(), Mapper: m.GetRESTMapper()})
	}
}
