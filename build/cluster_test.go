package build

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/toolforge/toolforged/api/queue"
	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// cluster is all that outlives a daemon: the attempts, the images, the records. What is asked of it from outside goes through
// request.
type cluster struct {
	t   *testing.T
	now func() time.Time
	// request is told of every request and lets it have its effect, or not.
	request func(what string, effect func() error) error
	// started is told of every new attempt, without the lock.
	started func(*modelAttempt)

	mu       sync.Mutex
	attempts []*modelAttempt
	images   map[string]bool
	pushes   map[string]int
	most     int
	tools    map[string]*api.Tool
	// down is what the registry answers; nil when it is well.
	down error
}

type modelAttempt struct {
	Attempt
	tool, name, tag string
}

func newCluster(t *testing.T, now func() time.Time) *cluster {
	return &cluster{
		t: t, now: now, request: func(_ string, effect func() error) error { return effect() }, started: func(*modelAttempt) {},
		images: make(map[string]bool), pushes: make(map[string]int), tools: make(map[string]*api.Tool),
	}
}

// daemon is a new daemon of the cluster.
func (c *cluster) daemon(config Config, errands *Errands) *Builds {
	return &Builds{Config: config, Engine: modelEngine{c, config}, Tools: modelTools{c}, Registry: modelRegistry{c}, Errands: errands,
		Logs: modelLogs{}, Now: c.now}
}

// running counts the attempts that have not ended.
func (c *cluster) running() int {
	n := 0
	for _, a := range c.attempts {
		if !a.Ended {
			n++
		}
	}
	return n
}

// end has an attempt end, with its image in the registry when it succeeded.
func (c *cluster) end(a *modelAttempt, seen Observation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.Ended || a.Removed {
		return
	}
	a.Ended, a.Observation = true, seen
	if seen.State == api.BuildSucceeded {
		c.images[a.tag] = true
		if c.pushes[a.tag]++; c.pushes[a.tag] > 1 {
			c.t.Errorf("image %s was made %d times", a.tag, c.pushes[a.tag])
		}
	}
}

// record is what the cluster has of a tool.
func (c *cluster) record(tool string) *api.Tool {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.tools[tool]
	if found == nil {
		found = &api.Tool{}
		found.Name = tool
		c.tools[tool] = found
	}
	return found.DeepCopy()
}

// step has a daemon bring a build forward, and writes down what it returns. It tells whether that was anything new.
func (c *cluster) step(b *Builds, r Request) (bool, error) {
	tool := c.record(r.Tool)
	var last *api.Build
	if len(tool.Status.Builds) > 0 {
		last = tool.Status.Builds[0].DeepCopy()
	}
	record, history, err := b.Step(context.Background(), r, last, tool.Status.BuildHistory)
	if err != nil {
		return false, err
	}
	was := tool.Status
	tool.Status.Builds, tool.Status.BuildHistory = []api.Build{record}, history
	if equality.Semantic.DeepEqual(tool.Status, was) {
		return false, nil
	}
	return true, c.request("write the record", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.tools[r.Tool] = tool
		return nil
	})
}

type modelEngine struct {
	*cluster
	config Config
}

func (e modelEngine) Attempts(_ context.Context, tool, name string) ([]Attempt, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []Attempt
	for _, a := range e.attempts {
		if a.tool == tool && a.name == name {
			found = append(found, a.Attempt)
		}
	}
	return found, nil
}

func (e modelEngine) Running(context.Context) ([]queue.Build, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var running []queue.Build
	for _, a := range e.attempts {
		if !a.Ended {
			running = append(running, queue.Build{Tool: a.tool, Name: a.name, Key: a.Key})
		}
	}
	return running, nil
}

func (e modelEngine) find(object string) *modelAttempt {
	at := slices.IndexFunc(e.attempts, func(a *modelAttempt) bool { return a.Object == object })
	if at < 0 {
		return nil
	}
	return e.attempts[at]
}

func (e modelEngine) Exists(_ context.Context, r Request, number int) (exists bool, err error) {
	return exists, e.request("look for the attempt", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		exists = e.find(podName(r, number)) != nil
		return nil
	})
}

func (e modelEngine) Start(_ context.Context, r Request, number int) error {
	var made *modelAttempt
	defer func() {
		if made != nil {
			e.started(made)
		}
	}()
	return e.request("start an attempt", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		name := podName(r, number)
		if e.find(name) != nil {
			return nil
		}
		for _, a := range e.attempts {
			if a.tool == r.Tool && a.name == r.Name && !a.Ended {
				e.t.Errorf("%s begins while %s runs", name, a.Object)
			}
		}
		made = &modelAttempt{tool: r.Tool, name: r.Name, tag: e.config.tag(r), Attempt: Attempt{
			Object: name, Pod: name, Key: r.Inputs.Key(), Number: number, StartedAt: metav1.NewTime(e.now()).Rfc3339Copy().Time,
			Observation: Observation{State: api.BuildRunning, Phase: PhaseBuild},
		}}
		e.attempts = append(e.attempts, made)
		e.most = max(e.most, e.running())
		return nil
	})
}

func (modelEngine) Cancel(context.Context, Attempt, string) error { return errors.New("not asked for") }

func (e modelEngine) Remove(_ context.Context, a Attempt) error {
	return e.request("remove an attempt", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.attempts = slices.DeleteFunc(e.attempts, func(other *modelAttempt) bool { return other.Object == a.Object })
		return nil
	})
}

type modelRegistry struct{ *cluster }

func (r modelRegistry) Built(_ context.Context, tag string) (built registry.Built, err error) {
	err = r.request("ask the registry", func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch {
		case r.down != nil:
			return r.down
		case !r.images[tag]:
			return registry.ErrNotFound
		}
		built.Reference = tag + "@sha256:1"
		return nil
	})
	return built, err
}

func (modelEngine) Advance(context.Context, Attempt) error { return nil }

// modelLogs are kept at once: what is asked for that is asked beside, and its kills are another test's.
type modelLogs struct{}

func (modelLogs) Keep(string, string, Attempt) KeptLog {
	return KeptLog{Read: true, End: "the log\n", Done: true}
}

// modelTools lists the records, as a cache does that is never behind.
type modelTools struct{ *cluster }

func (m modelTools) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("not asked for")
}

func (m modelTools) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tools := list.(*api.ToolList)
	for _, tool := range m.tools {
		tools.Items = append(tools.Items, *tool)
	}
	return nil
}

// Interface guards.
var (
	_ Engine        = modelEngine{}
	_ Registry      = modelRegistry{}
	_ client.Reader = modelTools{}
)
