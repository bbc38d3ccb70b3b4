package status_test

import (
	"strings"
	"testing"
)

func TestMetrics(t *testing.T) {
	page := get(sampleHandler(t), "/metrics").Body.String()
	for _, want := range []string{
		`toolforged_tools{ready="True",reason="Succeeded"} 1`,
		`toolforged_tools{ready="False",reason="BuildFailed"} 1`,
		`toolforged_tools{ready="False",reason="Suspended"} 1`,
		`toolforged_tools{ready="Unknown",reason="Building"} 1`,
		`toolforged_tools{ready="Unknown",reason=""} 1`,
		`version="v1.2.3"} 1`,
	} {
		if !strings.Contains(page, want+"\n") {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
}
