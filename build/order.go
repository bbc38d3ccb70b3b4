package build

import (
	"fmt"
	"slices"
	"strings"

	"github.com/toolforge/toolforged/registry"
)

// Order is the detection order, in TOML, for a stack of languages: the buildpacks of each language must detect something,
// those of always may. Known are the buildpacks of the builder image; the error names the first that it lacks.
func Order(known []registry.Buildpack, languages, always []string) (string, error) {
	var order strings.Builder
	order.WriteString("[[order]]\n")
	add := func(id string, optional bool) error {
		at := slices.IndexFunc(known, func(b registry.Buildpack) bool { return b.ID == id })
		if at < 0 {
			return fmt.Errorf("the builder has no buildpack %q", id)
		}
		fmt.Fprintf(&order, "[[order.group]]\nid = %q\nversion = %q\noptional = %t\n", id, known[at].Version, optional)
		return nil
	}
	for _, id := range languages {
		if err := add(id, false); err != nil {
			return "", err
		}
	}
	for _, id := range always {
		if err := add(id, true); err != nil {
			return "", err
		}
	}
	return order.String(), nil
}
