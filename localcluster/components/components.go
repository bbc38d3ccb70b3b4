// Package components knows how to become each of the foreign programs a
// Kubernetes cluster consists of: etcd, the parts of Kubernetes, CoreDNS. It
// does not know how they are configured or in which order they start.
// The entry point is [Lookup].
package components

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/component-base/cli"
	"k8s.io/component-base/logs"
	kubectl "k8s.io/kubectl/pkg/cmd"
	kubectlutil "k8s.io/kubectl/pkg/cmd/util"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"

	// The JSON and other log formats are not linked: text is enough here.
	_ "k8s.io/component-base/metrics/prometheus/clientgo"
	_ "k8s.io/component-base/metrics/prometheus/version"
)

// Lookup returns the main function of the program called name. Each of them
// reads its arguments from os.Args and ends the process itself.
func Lookup(name string) (main func(), ok bool) {
	switch name {
	case "etcd":
		return func() { etcdmain.Main(os.Args) }, true
	case "kube-apiserver":
		return func() { run(apiserver.NewAPIServerCommand()) }, true
	case "kube-controller-manager":
		return func() { run(controllermanager.NewControllerManagerCommand()) }, true
	case "kube-scheduler":
		return func() { run(scheduler.NewSchedulerCommand()) }, true
	case "kubelet":
		return func() { run(kubelet.NewKubeletCommand(context.Background())) }, true
	case "kube-proxy":
		return func() { run(proxy.NewProxyCommand()) }, true
	case "kubectl":
		return runKubectl, true
	case "coredns":
		return runCoreDNS, true
	}
	return nil, false
}

func run(command *cobra.Command) {
	os.Exit(cli.Run(command))
}

// runKubectl is kubectl's own main, which has to set the verbosity before the
// command is made.
func runKubectl() {
	logs.GlogSetter(kubectl.GetLogVerbosity(os.Args)) //nolint:errcheck // as kubectl does
	if err := cli.RunNoErrOutput(kubectl.NewDefaultKubectlCommand()); err != nil {
		kubectlutil.CheckErr(err)
	}
}
