package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/toolforge/toolforged/build/redact"
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
	if err := b.measureRedact(); err != nil {
		return err
	}
	b.measureFunction("render", func() { _, _ = render.Objects(in) }) // there was no error above, and nothing has changed
	return nil
}

// printed is what builds print, 1 MiB of it.
func printed() []byte {
	const log = `[Installing Python]
Collecting flask==3.1.0 (from -r requirements.txt (line 1))
  Downloading https://files.pythonhosted.org/packages/af/47/93213ee66ef8fae3b93b3e29206f6b251e65c97bd91d8e1c5596ef15af0a/flask-3.1.0-py3-none-any.whl (102 kB)
npm warn deprecated inflight@1.0.6: This module is not supported, and leaks memory. Do not use it.
npm http fetch GET 200 https://registry.npmjs.org/@babel%2fcore 123ms (cache hit)
{"level":"info","msg":"compiled \"app\" in 3 ms","ts":1732567890.123}
added 213 packages, and audited 214 packages in 4s
` + "\x1b[32mbuilt\x1b[0m in 1.52s\n" + `go: downloading golang.org/x/sys v0.28.0
sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==
`
	return []byte(strings.Repeat(log, 1<<20/len(log)+1)[:1<<20])
}

// measureRedact measures how fast secrets are taken out of what builds print. The best of many short runs is the one that was
// not disturbed.
func (b *bench) measureRedact() error {
	if !b.out.wants("redact_mb_s") {
		return nil
	}
	set, err := redact.New("hunter2hunter2", "glpat-0123456789abcdefghij", "correct horse battery staple")
	if err != nil {
		return fmt.Errorf("redact: %w", err)
	}
	text, w := printed(), set.Writer(io.Discard)
	best := time.Hour
	for range 200 {
		begin := time.Now()
		if _, err := w.Write(text); err != nil {
			return fmt.Errorf("redact: %w", err)
		}
		best = min(best, time.Since(begin))
	}
	b.out.figure("redact_mb_s", float64(len(text))/1e6/best.Seconds(), "MB/s")
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
