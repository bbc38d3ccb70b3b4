package tekton

import "testing"

func TestResult(t *testing.T) {
	for name, test := range map[string]struct {
		message string
		want    string
		found   bool
	}{
		"as Tekton writes it": {`[{"key":"StartedAt","value":"2026-11-26T20:00:00.000Z","type":3},{"key":"ending","value":"e30=","type":4}]`, "e30=", true},
		"the last one":        {`[{"key":"ending","value":"a","type":1},{"key":"ending","value":"b","type":4}]`, "b", true},
		"skipped":             {`[{"key":"StartedAt","value":"x","type":3},{"key":"Reason","value":"Skipped","type":3}]`, "", false},
		"no text":             {`[{"key":"ending","value":7}]`, "", false},
		"not JSON":            {`ending`, "", false},
		"nothing":             {``, "", false},
	} {
		if got, found := Result(test.message, "ending"); got != test.want || found != test.found {
			t.Errorf("%s: %q, %v", name, got, found)
		}
	}
}

func FuzzResult(f *testing.F) {
	f.Add(`[{"key":"ending","value":"e30=","type":4}]`)
	f.Add(`[{"key":"ending","value":["e30="]}]`)
	f.Fuzz(func(t *testing.T, message string) {
		if value, found := Result(message, "ending"); !found && value != "" {
			t.Errorf("%q is not found", value)
		}
	})
}

func TestNames(t *testing.T) {
	if name, found := StepName(Container("build")); name != "build" || !found {
		t.Errorf("%s, %v", name, found)
	}
	if name, found := StepName("sidecar-x"); found {
		t.Errorf("%s is a step", name)
	}
	if got := ResultsDir(2); got != "/tekton/run/2/status/results" {
		t.Error(got)
	}
	if !HasVariable("https://forge.example/$(steps.build.results.x)") || HasVariable("$HOME (x)") {
		t.Error("variables are not seen")
	}
}
