package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// surround renders what the tool's namespace holds by the administrator's word, whatever the revision declares.
func (t *Tools) surround(p *pass) result {
	in := render.Input{Tool: p.tool.Name, Namespace: p.tool.TargetNamespace()}
	if t.Config.QuotaClasses != nil {
		class, known := t.Config.QuotaClasses[p.tool.Spec.QuotaClass]
		if !known {
			return stall(api.ReasonQuotaClassUnknown, fmt.Sprintf("there is no quota class %q; the platform has: %s",
				p.tool.Spec.QuotaClass, strings.Join(slices.Sorted(maps.Keys(t.Config.QuotaClasses)), ", ")))
		}
		in.Quota = &class
	}
	var err error
	if p.surroundings, err = render.Surroundings(in); err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	return result{outcome: done}
}
