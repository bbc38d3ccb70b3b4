package reconcile

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/runtime/conditions"

	api "github.com/toolforge/toolforged/api/v1alpha1"
)

func TestOrder(t *testing.T) {
	builder := &api.Builder{Spec: api.BuilderSpec{
		Languages: []api.Language{
			{Name: "nodejs", Buildpacks: []string{"t/nodejs"}},
			{Name: "rare", Buildpacks: []string{"t/rare"}, QuotaClasses: []string{"large"}},
		},
		Before: []string{"t/apt"},
		Always: []string{"t/procfile"},
	}}
	builder.Name = "bookworm"
	for _, id := range []string{"t/nodejs", "t/procfile", "t/apt", "t/rare"} {
		builder.Status.Buildpacks = append(builder.Status.Buildpacks, api.Buildpack{ID: id, Version: "1"})
	}
	for _, test := range []struct {
		name, class string
		stack       []string
		problem     string
		has, hasNot string
	}{
		{"detected", "", nil, "", "t/nodejs", "t/rare"},
		{"detected, with more", "large", nil, "", "t/rare", "t/gone"},
		{"named", "", []string{"nodejs"}, "", "t/apt", "t/rare"},
		{"unknown", "", []string{"cobol"}, `there is no language "cobol"; builder bookworm has: nodejs`, "", "t/"},
		{"of another class", "", []string{"rare"},
			`there is no language "rare"; builder bookworm has: nodejs for this tool; ask the administrators to allow others`, "", "t/"},
		{"of its class", "large", []string{"rare"}, "", "t/rare", "t/nodejs"},
	} {
		t.Run(test.name, func(t *testing.T) {
			order, problem := order(builder, test.class, test.stack)
			if problem != test.problem || !strings.Contains(order, test.has) || strings.Contains(order, test.hasNot) {
				t.Errorf("problem %q, want %q; order with %q and without %q:\n%s", problem, test.problem, test.has, test.hasNot, order)
			}
		})
	}
	builder.Status.Buildpacks = builder.Status.Buildpacks[1:]
	if _, problem := order(builder, "", []string{"nodejs"}); problem != `the builder has no buildpack "t/nodejs"` {
		t.Errorf("not in the image: %q", problem)
	}
}

func TestDeprecation(t *testing.T) {
	builder := &api.Builder{Spec: api.BuilderSpec{Deprecated: &api.Deprecation{
		Since: "2026-01-01", Until: "2026-12-31", UseInstead: "trixie", Message: "Debian 12 gets no more security updates.",
	}}}
	builder.Name = "bookworm"
	tool := &api.Tool{}
	var all deprecations
	all.add(builder)
	all.add(builder)
	all.tell(tool)
	want := "builder bookworm is deprecated since 2026-01-01, and is there until 2026-12-31: write `builder: trixie` under `build`. " +
		"Debian 12 gets no more security updates."
	if got := conditions.GetMessage(tool, api.BuilderDeprecated); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	builder.Spec.Deprecated = nil
	all = nil
	all.add(builder)
	all.tell(tool)
	if conditions.Get(tool, api.BuilderDeprecated) != nil {
		t.Error("the condition stays when it is over")
	}
}
