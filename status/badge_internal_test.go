package status

import "testing"

func TestTone(t *testing.T) {
	for _, test := range []struct {
		condition, status string
		want              badge
	}{
		{"Ready", "True", ready},
		{"Ready", "False", failing},
		{"Ready", "Unknown", working},
		{"Applied", "", working},
		{"Stalled", "True", failing},
		{"Stalled", "False", ready},
		{"Reconciling", "True", working},
		{"Reconciling", "False", ready},
	} {
		if got := toneOf(test.condition, test.status); got != test.want {
			t.Errorf("%s=%s is %s, want %s", test.condition, test.status, got, test.want)
		}
	}
}

func TestNextStep(t *testing.T) {
	serving := ToolSummary{ServingCommit: "9f8e"}
	with := func(s ToolSummary, reason string) ToolSummary { s.Reason = reason; return s }
	const goesOn = " What was serving before goes on."
	for want, tool := range map[string]ToolSummary{
		advice["BuildFailed"] + goesOn: with(serving, "BuildFailed"),
		advice["BuildFailed"]:          with(ToolSummary{}, "BuildFailed"),
		advice["Unhealthy"]:            with(serving, "Unhealthy"),
		advice["Suspended"]:            {Verdict: Verdict{Reason: "BuildFailed"}, Suspended: true},
		"":                             with(serving, "SomethingNew"),
		"The tool is being removed, and everything that runs for it.": {Deleting: true},
		"Nothing: toolforged has not looked at this tool yet.":        {},
	} {
		if got := nextStep(Tool{ToolSummary: tool}); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
