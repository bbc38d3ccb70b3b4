package reconcile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/reconcile/render"
)

// surroundings renders what the tool's namespace holds by the administrator's word, whatever the revision declares.
func (t *Tools) surroundings(p *pass) ([]*unstructured.Unstructured, result) {
	in := render.Input{Tool: p.tool.Name, Namespace: p.tool.TargetNamespace()}
	if t.Config.QuotaClasses != nil {
		class, known := t.Config.QuotaClasses[p.tool.Spec.QuotaClass]
		if !known {
			return nil, stall(api.ReasonQuotaClassUnknown, fmt.Sprintf("there is no quota class %q; the platform has: %s",
				p.tool.Spec.QuotaClass, strings.Join(slices.Sorted(maps.Keys(t.Config.QuotaClasses)), ", ")))
		}
		in.Quota = &class
	}
	objects, err := render.Surroundings(in)
	if err != nil {
		return nil, fail(api.ReasonApplyFailed, err)
	}
	return objects, result{outcome: done}
}
