package reconcile

import (
	"errors"
	"strings"
	"time"

	"github.com/toolforge/toolforged/sources"
)

// What becomes of a source tree.
type fate int

const (
	// comesUp: it builds, and its processes come up.
	comesUp fate = iota
	// comesUpLate: the same, after minutes.
	comesUpLate
	// neverUp: it builds, and its processes never come up.
	neverUp
	// neverBuilds: it does not build.
	neverBuilds
)

// modelManifest is a toolforge.yaml and what it is good for.
type modelManifest struct {
	name, yaml string
	// unusable tells that nothing can be deployed of it, whatever the source.
	unusable bool
	// fails tells that its pre-deploy job does.
	fails bool
	// runs tells that it has processes that must come up; builds, that it needs an image.
	runs, builds bool
	// host tells that it asks for modelHost.
	host bool
}

var hostManifest = modelManifest{
	name: "host", yaml: "webservice: {hosts: [" + modelHost + "]}\n", runs: true, builds: true, host: true,
}

var modelManifests = []modelManifest{
	{name: "site", yaml: site, runs: true, builds: true},
	{name: "site and jobs", yaml: atModelTime(siteAndJobs), runs: true, builds: true},
	{name: "secrets", yaml: site + "secrets:\n  API_TOKEN: <own>\n  DB_PASSWORD: {from: toolsdb, key: password}\n", runs: true, builds: true},
	{name: "secrets of two", yaml: "webservice: {secrets: {API_TOKEN: <own>}}\njobs:\n  - name: consumer\n    continuous: true\n    process: worker\n" +
		"    secrets: {API_TOKEN: <own>, OTHER: <own>}\n  - name: migrate\n    pre_deploy: true\n    command: ./migrate\n    secrets: {API_TOKEN: <own>}\n", runs: true, builds: true},
	{name: "two replicas", yaml: "webservice:\n  replicas: 2\n  mount: all\nenv:\n  LEVEL: debug\n", runs: true, builds: true},
	{name: "migrated", yaml: atModelTime(migratedAndSeeded), runs: true, builds: true},
	{name: "consumer", yaml: "jobs:\n  - name: consumer\n    continuous: true\n    process: worker\n", runs: true, builds: true},
	hostManifest,
	{name: "migration fails", yaml: atModelTime(strings.ReplaceAll(migrated, "./migrate", failingCommand)), runs: true, builds: true, fails: true},
	{name: "scheduled", yaml: "jobs:\n  - name: hourly\n    schedule: \"" + modelSchedule + "\"\n    command: ./other\n", builds: true},
	{name: "nothing", yaml: "jobs: []\n"},
	{name: "invalid", yaml: "webservice: 7\n", unusable: true},
	{name: "missing", unusable: true},
	{name: "too much", yaml: "webservice: {replicas: 3, memory: 3Gi}\n", unusable: true},
	{name: "no such process", yaml: "webservice:\n  process: absent\n", unusable: true, builds: true},
	{name: "another tool's secret", yaml: site + "secrets: {API_TOKEN: <other>, MORE: <own>}\n", unusable: true},
	{name: "no such Secret", yaml: site + "secrets: {API_TOKEN: {from: absent}}\n", unusable: true},
}

// atModelTime has a manifest's hourly jobs run by modelSchedule.
func atModelTime(yaml string) string { return strings.ReplaceAll(yaml, "@hourly", modelSchedule) }

// migratedManifest is where modelManifests has the one with pre-deploy jobs that succeed.
const migratedManifest = 5

// modelCommit is one commit of a tool's repository.
type modelCommit struct {
	id       string
	manifest modelManifest
	tree     string
	fate     fate
	revision Revision
	// spoiled tells that somebody took one of its pre-deploy jobs away: it may or may not be deployed.
	spoiled bool
}

func newModelCommit(name string, m modelManifest, tree string, fate fate) *modelCommit {
	c := &modelCommit{id: commit(name), manifest: m, tree: tree, fate: fate, revision: Revision{Missing: true}}
	if m.name != "missing" {
		c.revision = revision(m.yaml, tree)
	}
	return c
}

// deployable tells that a commit can be applied, or that its pre-deploy jobs are run; good, that it then comes up.
func (c *modelCommit) deployable() bool {
	return !c.manifest.unusable && (c.fate != neverBuilds || !c.manifest.builds)
}

func (c *modelCommit) good() bool {
	return c.deployable() && !c.manifest.fails && (c.fate != neverUp || !c.manifest.runs)
}

// modelPoller is what a daemon knows of the tools' repositories.
type modelPoller struct {
	daemon  *modelDaemon
	revised *Waker
	watched map[string]bool
	known   map[string]sources.Observation[Revision]
	// taken is the commit of each tool that was last asked for.
	taken map[string]string
}

func newModelPoller(d *modelDaemon) *modelPoller {
	return &modelPoller{daemon: d, watched: make(map[string]bool), known: make(map[string]sources.Observation[Revision]),
		taken: make(map[string]string)}
}

func (p *modelPoller) Watch(name string, _ sources.Repository, _ string, _ time.Duration) {
	if p.watched[name] {
		return
	}
	p.watched[name] = true
	p.pollWithin(name, 2*time.Second)
}

func (p *modelPoller) Forget(name string) {
	delete(p.watched, name)
	delete(p.known, name)
}

func (p *modelPoller) Latest(name string) (sources.Observation[Revision], bool) {
	seen, ok := p.known[name]
	p.taken[name] = seen.Commit
	return seen, ok
}

// pollWithin asks the repository at some time within a duration.
func (p *modelPoller) pollWithin(name string, within time.Duration) {
	w := p.daemon.world
	w.clock.after(w.between(0, within), func() { p.poll(name) })
}

func (p *modelPoller) poll(name string) {
	w := p.daemon.world
	if p.daemon.dead || !p.watched[name] {
		return
	}
	seen, known := p.known[name]
	before := seen
	if w.fault(false) != none {
		seen.Err = errors.New("the repository cannot be reached")
		p.pollWithin(name, time.Minute)
	} else {
		head := w.tool(name).head
		seen = sources.Observation[Revision]{Commit: head.id, Seen: head.id, Value: head.revision}
	}
	p.known[name] = seen
	if !known || before.Commit != seen.Commit || (before.Err == nil) != (seen.Err == nil) {
		w.tracef("the poller finds %s at %.7s (%v)", name, seen.Commit, seen.Err)
		p.revised.Wake(name)
	}
}

// commitOf finds a commit by its id.
func (w *world) commitOf(id string) *modelCommit {
	found := w.commits[id]
	if found == nil {
		w.failf("there is no commit %s", id)
	}
	return found
}

// commitIn reads it from the arguments of the phase that places the source.
func commitIn(arguments []string) string {
	for _, argument := range arguments {
		if id, ok := strings.CutPrefix(argument, "-commit="); ok {
			return id
		}
	}
	return ""
}
