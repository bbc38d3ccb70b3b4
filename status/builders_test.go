package status_test

import (
	"strings"
	"testing"
)

func TestBuildersPage(t *testing.T) {
	page := text(parse(t, get(sampleHandler(t), "/builders").Body.String()))
	for _, want := range []string{"bookworm (default)", "python", "toolforge/python 0.1.0", "toolforge/apt , toolforge/procfile",
		"registry.example/rust:1", "since 2026-01-01", "until 2026-12-31", "use trixie", "0.21.0", "0.15", "builder@sha256:"} {
		if !strings.Contains(strings.Join(strings.Fields(page), " "), want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}
