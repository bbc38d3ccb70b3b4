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
	in := render.Input{
		Tool: p.tool.Name, Namespace: p.tool.TargetNamespace(), Owner: owner(p.tool),
		Volumes: t.Config.Policy.Mounted(p.tool.Spec.QuotaClass),
	}
	if classes := t.Config.Policy.Classes; classes != nil {
		class, known := classes[p.tool.Spec.QuotaClass]
		if !known {
			return stall(api.ReasonQuotaClassUnknown, fmt.Sprintf("there is no quota class %q; the platform has: %s",
				p.tool.Spec.QuotaClass, strings.Join(slices.Sorted(maps.Keys(classes)), ", ")))
		}
		in.Quota = &class.QuotaClass
	}
	var err error
	if p.surroundings, err = render.Surroundings(in); err != nil {
		return fail(api.ReasonApplyFailed, err)
	}
	return result{outcome: done}
}
