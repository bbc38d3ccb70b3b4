// Command localcluster is a whole Kubernetes cluster for one machine in one
// binary. "localcluster up" starts it, "localcluster down" stops it; every
// other first argument makes it one of the programs the cluster consists of.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/toolforge/toolforged/localcluster/components"
)

const usage = `usage: localcluster COMMAND

  up          start the cluster; return when it is ready
  down        stop it; leave nothing of it outside of its directory
  restart     restart one of its parts, with its configuration files as they
              are now: restart [FLAG]... kubelet
  kubectl     as kubectl; so is this binary by that name

and the parts of the cluster, which "up" starts:

  registry gitserver ingress networkpolicy etcd coredns kube-apiserver
  kube-controller-manager kube-scheduler kube-proxy kubelet
`

func main() {
	args := os.Args
	// By its other name it is kubectl, with the arguments as they are.
	if name := filepath.Base(args[0]); name != "kubectl" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	name := filepath.Base(args[0])
	if run, ok := components.Lookup(name); ok {
		os.Args = args
		run()
		return
	}
	command, ok := commands()[name]
	if !ok {
		fmt.Fprintf(os.Stderr, "localcluster: no command %q\n\n%s", name, usage)
		os.Exit(2)
	}
	if err := command(args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "localcluster %s: %v\n", name, err)
		os.Exit(1)
	}
}
