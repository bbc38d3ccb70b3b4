package testscripts

import (
	"context"

	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/toolforge/toolforged/testscripts/platform"
)

// node-disk SPARE has the local cluster's node call its disk full when so much less is free than now, such as 1Gi; node-disk
// without it ends that, as the end of the script does. All pods are on that node: scripts that run side by side must not do it.
func nodeDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) > 1 {
		ts.Fatalf("usage: node-disk [SPARE]")
	}
	node := platform.Node{Directory: ts.Getenv("CLUSTER")}
	if len(args) == 0 {
		ts.Check(node.MendDisk(of(ts).ctx))
		return
	}
	spare, err := resource.ParseQuantity(args[0])
	ts.Check(err)
	ts.Defer(func() { _ = node.MendDisk(context.Background()) })
	ts.Check(node.FillDisk(of(ts).ctx, spare))
}
