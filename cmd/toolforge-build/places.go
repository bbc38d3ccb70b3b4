package main

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
)

// places are the directories that the containers of a build share.
type places struct {
	// workspace holds the source, layers what buildpacks made of it, cached what they find again.
	workspace, layers, cached string
	// private is shared by prepare and export; no other container has it.
	private string
	// program holds this program, and is read-only where a stranger's code runs.
	program string
	// lifecycle holds the lifecycle's programs.
	lifecycle string
}

func (p *places) flags(flags *flag.FlagSet) {
	flags.StringVar(&p.workspace, "workspace", "/workspace", "`directory` of the source; it must exist")
	flags.StringVar(&p.layers, "layers", "/layers", "`directory` of the layers")
	flags.StringVar(&p.cached, "cache-dir", "/cache", "`directory` of what buildpacks find again")
	flags.StringVar(&p.private, "private", "/private", "`directory` that only prepare and export have")
	flags.StringVar(&p.program, "program", "/toolforge", "`directory` of this program in run")
	flags.StringVar(&p.lifecycle, "lifecycle", "/cnb/lifecycle", "`directory` of the lifecycle's programs")
}

// analyzed is what the analyzer said, out of the build's reach.
func (p places) analyzed() string { return filepath.Join(p.private, "analyzed.toml") }

// temp is a directory for large files.
func (p places) temp() (string, error) {
	dir := filepath.Join(p.private, "tmp")
	return dir, os.MkdirAll(dir, 0o700)
}

// registryFlags are what prepare and export need to know of the registry.
type registryFlags struct {
	plainHTTP string
	// cache is where the cache is kept, and fallback one to begin with; both may be empty.
	cache, fallback string
	cacheBytes      int64
}

func (r *registryFlags) flags(flags *flag.FlagSet) {
	flags.StringVar(&r.plainHTTP, "plain-http", "", "`registry` (host[:port]) that is spoken to over HTTP")
	flags.StringVar(&r.cache, "cache", "", "`reference` under which the cache is kept; none by default")
	flags.StringVar(&r.fallback, "cache-fallback", "", "`reference` of the cache to begin with, when there is none yet")
	flags.Int64Var(&r.cacheBytes, "cache-bytes", 2<<30, "largest cache, in `bytes`")
}

// others are the caches from which layers may be taken.
func (r registryFlags) others() []string {
	if r.fallback == "" {
		return nil
	}
	return []string{r.fallback}
}

// insecure names a registry without TLS in the lifecycle's environment; the flag for it came with the platform API 0.13.
func (r registryFlags) insecure() []string {
	if r.plainHTTP == "" {
		return nil
	}
	return []string{"CNB_INSECURE_REGISTRIES=" + r.plainHTTP}
}

var errPositive = errors.New("sizes, numbers and times must be above zero")
