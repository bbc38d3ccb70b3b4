package build

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// A build that has ended before anyone looked at the queue again does not keep the next commit waiting.
func TestQuickBuildKeepsNobodyWaiting(t *testing.T) {
	b, first := newBench(t), testRequest()
	record := b.step(first, nil)
	b.wantRecord(record, api.BuildRunning, 1)
	b.finish(podName(first, 1), podIn(t, corev1.PodSucceeded))
	b.shelf.images[b.Config.tag(first)] = registry.Built{Reference: "image@sha256:1"}
	record = b.step(first, &record)
	b.wantRecord(record, api.BuildSucceeded, 1)
	record = b.step(first, &record) // its pod goes
	b.wantPods()

	next := first
	next.Inputs.Tree = "another"
	record = b.step(next, &record)
	b.wantRecord(record, api.BuildRunning, 1)
}
