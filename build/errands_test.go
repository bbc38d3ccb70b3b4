package build

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// slow is a registry that takes its time for one tool's images.
type slow struct {
	tag  string
	time time.Duration
}

func (s slow) Built(ctx context.Context, reference string) (registry.Built, error) {
	if reference == s.tag {
		select {
		case <-time.After(s.time):
		case <-ctx.Done():
			return registry.Built{}, ctx.Err()
		}
	}
	return registry.Built{Reference: reference}, nil
}

// No worker waits for the registry, and who asks it for something else is not held up by whom it keeps waiting.
func TestNobodyWaitsForTheRegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, second := testRequest(), testRequest()
		second.Tool = "other"
		var woken []string
		c := newCluster(t, time.Now)
		builds := c.daemon(testConfig(), NewErrands(2, func(tool string) { woken = append(woken, tool) }))
		builds.Registry = slow{builds.Config.tag(first), 20 * time.Second}

		began := time.Now()
		step := func(r Request, last *api.Build) api.Build {
			record, _, err := builds.Step(t.Context(), r, last, nil)
			if err != nil {
				t.Fatal(err)
			}
			return record
		}
		asking1, asking2 := step(first, nil), step(second, nil)
		if asking1.Message != asking || RetryAt(asking1, time.Now()) == 0 {
			t.Errorf("record %+v", asking1)
		}
		synctest.Wait()
		if record := step(second, &asking2); record.State != api.BuildSucceeded {
			t.Errorf("the other tool's record %+v", record)
		}
		if record := step(first, &asking1); record.State != api.BuildWaiting || time.Since(began) != 0 {
			t.Errorf("after %v the record is %+v", time.Since(began), record)
		}
		time.Sleep(21 * time.Second)
		if record := step(first, &asking1); record.State != api.BuildSucceeded {
			t.Errorf("record %+v", record)
		}
		if len(woken) != 2 || woken[0] != "other" || woken[1] != "wiki" {
			t.Errorf("woken were %v", woken)
		}
	})
}

// A registry that never answers is trouble after a while, like any other.
func TestRegistryNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRequest()
		builds := newCluster(t, time.Now).daemon(testConfig(), NewErrands(1, nil))
		builds.Registry = slow{builds.Config.tag(r), time.Hour}
		record, _, err := builds.Step(t.Context(), r, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(errandTime + time.Second)
		record, _, err = builds.Step(t.Context(), r, &record, nil)
		if err != nil || record.State != api.BuildWaiting || record.TroubleSince == nil || record.RetryAt == nil {
			t.Errorf("record %+v, error %v", record, err)
		}
	})
}

// What was asked for something else is not taken for the answer, nor is anything kept of a tool that is gone.
func TestErrandsAreForWhatWasAsked(t *testing.T) {
	e := NewErrands(1, nil)
	e.Run = func(errand func()) { errand() }
	at := place{"wiki", "main"}
	answer := func(text string) func(context.Context) any {
		return func(context.Context) any { return text }
	}
	if result, done := e.ask(at, "a", answer("a")); !done || result != "a" {
		t.Errorf("got %v, %v", result, done)
	}
	var pending func()
	e.Run = func(errand func()) { pending = errand }
	if _, done := e.ask(at, "b", answer("b")); done {
		t.Error("it is done before it has run")
	}
	e.Run = func(errand func()) { errand() }
	if result, done := e.ask(at, "c", answer("c")); !done || result != "c" {
		t.Errorf("got %v, %v", result, done)
	}
	pending()
	e.Forget("wiki")
	if len(e.under) != 0 {
		t.Errorf("%d errands are kept", len(e.under))
	}
}
