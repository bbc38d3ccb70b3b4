package queue

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(seconds int) *metav1.Time {
	return &metav1.Time{Time: noon.Add(time.Duration(seconds) * time.Second)}
}

func tool(name string, builds ...api.Build) api.Tool {
	t := api.Tool{Status: api.ToolStatus{Builds: builds}}
	t.Name = name
	for i := range t.Status.Builds {
		if t.Status.Builds[i].Name == "" {
			t.Status.Builds[i].Name = "main"
		}
	}
	return t
}

func waiting(since int) api.Build {
	return api.Build{Key: "k", State: api.BuildWaiting, QueuedAt: at(since)}
}

func running(began int) api.Build {
	return api.Build{Key: "k", State: api.BuildRunning, StartedAt: at(began)}
}

func named(name string, b api.Build) api.Build {
	b.Name = name
	return b
}

func automatic(b api.Build) api.Build {
	b.Automatic = true
	return b
}

func names(builds []Build) []string {
	list := []string{}
	for _, b := range builds {
		list = append(list, b.Tool+"/"+b.Name)
	}
	return list
}

func TestOrder(t *testing.T) {
	suspended := tool("sleeping", waiting(0))
	suspended.Spec.Suspend = true
	going := tool("going", waiting(0), named("b", running(0)))
	going.DeletionTimestamp = at(0)
	retried := waiting(0)
	retried.RetryAt = at(100)
	due := waiting(0)
	due.RetryAt = at(50)
	superseded := tool("busy", waiting(1))
	superseded.Status.BuildHistory = []api.PastBuild{{Name: "main", Key: "older", Outcome: api.BuildOutcomeRunning, StartedAt: at(0)}}
	served := tool("served", waiting(1))
	served.Status.BuildHistory = []api.PastBuild{{Name: "main", Key: "older", Outcome: api.BuildOutcomeSucceeded, StartedAt: at(30)}}

	for _, test := range []struct {
		name   string
		tools  []api.Tool
		bounds Bounds
		order  []string
		turns  []string
	}{
		{name: "none", bounds: Bounds{4, 2}, order: []string{}, turns: []string{}},
		{name: "first come, first served", bounds: Bounds{2, 2},
			tools: []api.Tool{tool("c", waiting(3)), tool("a", waiting(2)), tool("b", waiting(1))},
			order: []string{"b/main", "a/main", "c/main"}, turns: []string{"b/main", "a/main"}},
		{name: "what somebody asked for goes first", bounds: Bounds{1, 1},
			tools: []api.Tool{tool("a", automatic(waiting(0))), tool("b", waiting(9))},
			order: []string{"b/main", "a/main"}, turns: []string{"b/main"}},
		{name: "one of each tool, round by round", bounds: Bounds{4, 4},
			tools: []api.Tool{
				tool("many", named("x", waiting(0)), named("y", waiting(0)), named("z", waiting(0))),
				tool("one", waiting(5)), tool("two", named("x", waiting(6)), named("y", waiting(6))),
			},
			order: []string{"many/x", "one/main", "two/x", "many/y", "two/y", "many/z"},
			turns: []string{"many/x", "one/main", "two/x", "many/y"}},
		{name: "a tool has a bound of its own", bounds: Bounds{4, 1},
			tools: []api.Tool{tool("many", named("x", waiting(0)), named("y", waiting(0))), tool("one", waiting(5))},
			order: []string{"many/x", "one/main", "many/y"}, turns: []string{"many/x", "one/main"}},
		{name: "who has one running waits for those who have none", bounds: Bounds{3, 2},
			tools: []api.Tool{tool("many", named("x", running(0)), named("y", waiting(0))), tool("one", waiting(5))},
			order: []string{"one/main", "many/y"}, turns: []string{"one/main", "many/y"}},
		{name: "who had a turn waits anew", bounds: Bounds{1, 1},
			tools: []api.Tool{served, tool("late", waiting(20)), tool("later", waiting(40))},
			order: []string{"late/main", "served/main", "later/main"}, turns: []string{"late/main"}},
		{name: "an older build still runs", bounds: Bounds{4, 2}, tools: []api.Tool{superseded, tool("b", waiting(2))},
			order: []string{"b/main", "busy/main"}, turns: []string{"b/main"}},
		{name: "all are busy", bounds: Bounds{2, 2}, tools: []api.Tool{tool("a", running(0)), tool("b", running(0)), tool("c", waiting(0))},
			order: []string{"c/main"}, turns: []string{}},
		{name: "more run than may", bounds: Bounds{1, 1}, tools: []api.Tool{tool("a", running(0)), tool("b", running(0)), tool("c", waiting(0))},
			order: []string{"c/main"}, turns: []string{}},
		{name: "who takes no part", bounds: Bounds{4, 4}, tools: []api.Tool{suspended, going, tool("later", retried), tool("due", due)},
			order: []string{"due/main"}, turns: []string{"due/main"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			q := Of(test.tools, noon.Add(time.Minute))
			if diff := cmp.Diff(test.order, names(q.Waiting)); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.turns, names(q.Turns(test.bounds))); diff != "" {
				t.Errorf("turns (-want +got):\n%s", diff)
			}
			for i, waiting := range q.Waiting {
				if ahead, ok := q.Ahead(waiting.Tool, waiting.Name); !ok || len(ahead) != i {
					t.Errorf("%d builds are ahead of %s/%s: %v, %v", i, waiting.Tool, waiting.Name, ahead, ok)
				}
			}
		})
	}
}

// The order of the tools in the list, which is a cache's, does not matter.
func TestOrderOfTools(t *testing.T) {
	tools := []api.Tool{
		tool("a", waiting(1), named("x", automatic(waiting(1)))), tool("b", waiting(1)), tool("c", running(0), named("x", waiting(0))), tool("d", waiting(0)),
	}
	want := names(Of(tools, noon).Waiting)
	for range tools {
		tools = append(tools[1:], tools[0])
		if diff := cmp.Diff(want, names(Of(tools, noon).Waiting)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestRunAndWait(t *testing.T) {
	q := Of([]api.Tool{tool("a", waiting(1)), tool("b", waiting(2))}, noon)
	q.Run(Build{Tool: "a", Name: "main", Key: "k"})
	q.Run(Build{Tool: "a", Name: "main", Key: "k"})
	q.Run(Build{Tool: "b", Name: "main", Key: "older"})
	if diff := cmp.Diff([]string{"a/main", "b/main"}, names(q.Running)); diff != "" {
		t.Error(diff)
	}
	if turns := q.Turns(Bounds{9, 9}); len(turns) != 0 || len(q.Waiting) != 1 || !q.Waiting[0].Held {
		t.Errorf("turns %v, waiting %+v", turns, q.Waiting)
	}
	q.Wait(Build{Tool: "b", Name: "main", Key: "newer", QueuedAt: noon})
	q.Wait(Build{Tool: "c", Name: "main", QueuedAt: noon})
	if diff := cmp.Diff([]string{"c/main", "b/main"}, names(q.Waiting)); diff != "" {
		t.Error(diff)
	}
	if _, waits := q.Ahead("a", "main"); waits {
		t.Error("what runs waits")
	}
}
