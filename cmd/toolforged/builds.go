package main

import (
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/api/resource"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/toolforge/toolforged/build"
	"github.com/toolforge/toolforged/registry"
)

// newBuilds makes what has images built.
func newBuilds(m ctrl.Manager, o options, images *registry.Client, woken *wakers, log logr.Logger) (*build.Builds, error) {
	logs, err := newLogbook(m, o, log, woken.tools.Wake)
	if err != nil {
		return nil, err
	}
	builds := &build.Builds{
		Config:   buildConfig(o),
		Engine:   engine(m, o),
		Tools:    m.GetClient(),
		Registry: images,
		Errands:  build.NewErrands(o.registryRequests, woken.tools.Wake),
		Logs:     logs,
		Now:      time.Now,
	}
	if o.retention.enabled {
		builds.Claims = build.NewClaims(time.Now)
	}
	return builds, nil
}

func buildConfig(o options) build.Config {
	return build.Config{
		Namespace:        o.buildNamespace,
		Registry:         o.registry,
		PlainHTTP:        o.plainHTTP(),
		RegistrySecret:   o.registrySecret,
		ProgramImage:     o.programImage,
		SourceArgs:       o.git.Args(),
		Concurrency:      o.concurrentBuilds,
		PerTool:          o.concurrentBuildsPerTool,
		CancelSuperseded: o.cancelSupersededBuilds,
		Timeout:          o.buildTimeout,
		LongestRetry:     o.buildRetryMax,
		CPU:              resource.MustParse(o.buildCPU),
		Memory:           resource.MustParse(o.buildMemory),
		Disk:             resource.MustParse(o.buildDisk),
		ImageSize:        resource.MustParse(o.buildImageSize),
		CacheSize:        resource.MustParse(o.buildCacheSize),
	}
}
