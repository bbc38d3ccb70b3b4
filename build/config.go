package build

import (
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
)

// Config is what the administrator decides about builds.
type Config struct {
	// Namespace holds the build pods and the Secrets with the credentials of repositories and the registry.
	Namespace string
	// Registry is the prefix of every built image: host[:port][/path].
	Registry string
	// PlainHTTP is the registry (host[:port]) that is spoken to over HTTP; empty for none.
	PlainHTTP string
	// RegistrySecret names a Secret of type kubernetes.io/dockerconfigjson for the registry; empty for none.
	RegistrySecret string
	// ProgramImage holds the program toolforge-build and the lifecycle that analyzes and exports.
	ProgramImage string
	// SourceArgs are the arguments of toolforge-build prepare that are the same for every build: which servers it may ask.
	SourceArgs []string
	// Concurrency is how many builds run at the same time, at least 1; PerTool how many of one tool, 0 for no bound of their own.
	Concurrency, PerTool int
	// CancelSuperseded ends the build of an older commit when a newer one must be built.
	CancelSuperseded bool
	// Timeout bounds one build.
	Timeout time.Duration
	// LongestRetry bounds the time until what failed by the platform's fault is tried again; 0 for 10 minutes.
	LongestRetry time.Duration
	// CPU and Memory bound each container of a build.
	CPU, Memory resource.Quantity
	// Disk bounds what a build writes to disk, source and layers together.
	Disk resource.Quantity
	// ImageSize bounds a built image, without the one that it is built upon, uncompressed.
	ImageSize resource.Quantity
	// CacheSize bounds what is kept for the next build, uncompressed. A larger cache is not kept.
	CacheSize resource.Quantity
}

func (c Config) bounds() queue.Bounds {
	if c.PerTool == 0 {
		return queue.Bounds{Platform: c.Concurrency, Tool: c.Concurrency}
	}
	return queue.Bounds{Platform: c.Concurrency, Tool: c.PerTool}
}

// within is the configuration with other limits where there are some.
func (c Config) within(limits *api.BuildLimits) Config {
	if limits == nil {
		return c
	}
	if limits.Timeout != nil {
		c.Timeout = limits.Timeout.Duration
	}
	for _, limit := range []struct{ ours, theirs *resource.Quantity }{
		{&c.CPU, limits.CPU}, {&c.Memory, limits.Memory}, {&c.Disk, limits.Disk}, {&c.ImageSize, limits.ImageSize}, {&c.CacheSize, limits.CacheSize},
	} {
		if limit.theirs != nil {
			*limit.ours = *limit.theirs
		}
	}
	return c
}
