package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/toolforge/toolforged/manifest"
	"github.com/toolforge/toolforged/reconcile/render"
)

// ordinary is a file with a bit of everything that most tools have.
const ordinary = `stack: [nodejs, python]
env: {LOG_LEVEL: info, LANG: C.UTF-8}
secrets:
  DB_PASSWORD: {from: toolsdb}
webservice:
  command: gunicorn --workers 4 app:app
  replicas: 2
  memory: 1Gi
  health_check: {path: /healthz}
jobs:
  - name: update-stats
    schedule: "@daily"
    command: python update.py
    retry: 2
    emails: onfailure
  - name: consumer
    continuous: true
    process: worker
    port: 9095
    env: {MODE: fast}
    health_check: {script: ./check}
`

// hundredJobs is a file with as many jobs as there can be.
func hundredJobs() string {
	var file strings.Builder
	file.WriteString("stack: python\njobs:\n")
	for i := range 100 {
		fmt.Fprintf(&file, "  - name: job-%d\n    schedule: \"%d 4 * * *\"\n    command: python job.py %d\n    memory: 256Mi\n    env: {NUMBER: %d}\n", i, i%60, i, i)
	}
	return file.String()
}

// measureText measures what needs no cluster: reading a toolforge.yaml, and rendering the objects that it declares.
func (b *bench) measureText() error {
	declared, problems := manifest.Parse([]byte(ordinary), manifest.Origin{})
	if len(problems) > 0 {
		return problems
	}
	if _, problems := manifest.Parse([]byte(hundredJobs()), manifest.Origin{}); len(problems) > 0 {
		return problems
	}
	in := render.Input{
		Tool: "example", Namespace: "tool-example", Manifest: declared,
		Images: map[string]render.Image{
			manifest.MainBuild: {Reference: "registry.example/example/main@sha256:" + strings.Repeat("0", 64), Processes: []string{"web", "worker"}},
		},
		Domain: "example.org", RolloutDeadline: time.Minute,
	}
	if _, err := render.Objects(in); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	b.measureFunction("manifest_parse", func() { manifest.Parse([]byte(ordinary), manifest.Origin{}) })
	large := []byte(hundredJobs())
	b.measureFunction("manifest_parse_100_jobs", func() { manifest.Parse(large, manifest.Origin{}) })
	b.measureFunction("render", func() { _, _ = render.Objects(in) }) // there was no error above, and nothing has changed
	return nil
}

// measureFunction prints how long a call takes and how often it allocates memory. The best of three is the one that was
// disturbed least.
func (b *bench) measureFunction(name string, call func()) {
	micros, allocations := name+"_us", name+"_allocs"
	if !b.out.wants(micros, allocations) {
		return
	}
	var best testing.BenchmarkResult
	for range 3 {
		result := testing.Benchmark(func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
		if best.N == 0 || result.NsPerOp() < best.NsPerOp() {
			best = result
		}
	}
	b.out.figure(micros, float64(best.NsPerOp())/1000, "us")
	b.out.figure(allocations, float64(best.AllocsPerOp()), "allocations")
}
