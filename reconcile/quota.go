package reconcile

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/toolforge/toolforged/reconcile/render"
)

// QuotaClasses are the quota classes of the platform, by name.
type QuotaClasses map[string]render.QuotaClass

// ParseQuotaClasses reads the administrator's file: YAML, for each class its `quota` and its `limits`. A key that is not
// known is an error, not ignored: what was meant to be a limit must not be none.
func ParseQuotaClasses(data []byte) (QuotaClasses, error) {
	var written map[string]struct {
		Quota  quantities `json:"quota"`
		Limits struct {
			Default        quantities `json:"default"`
			DefaultRequest quantities `json:"defaultRequest"`
			Max            quantities `json:"max"`
		} `json:"limits"`
	}
	if err := yaml.UnmarshalStrict(data, &written); err != nil {
		return nil, err
	}
	if len(written) == 0 {
		return nil, errors.New("it defines no class")
	}
	classes := make(QuotaClasses, len(written))
	for _, name := range slices.Sorted(maps.Keys(written)) {
		if len(validation.IsDNS1123Label(name)) > 0 {
			return nil, fmt.Errorf("class %q: a name is at most 63 lower-case letters, digits and hyphens", name)
		}
		class := written[name]
		classes[name] = render.QuotaClass{
			Quota: corev1.ResourceList(class.Quota),
			Limits: render.ContainerLimits{
				Default:        corev1.ResourceList(class.Limits.Default),
				DefaultRequest: corev1.ResourceList(class.Limits.DefaultRequest),
				Max:            corev1.ResourceList(class.Limits.Max),
			},
		}
	}
	return classes, nil
}

// quantities are a ResourceList of which a wrong value is told with its name.
type quantities corev1.ResourceList

func (q *quantities) UnmarshalJSON(data []byte) error {
	var values map[corev1.ResourceName]json.RawMessage
	if err := json.Unmarshal(data, &values); err != nil {
		return err
	}
	*q = make(quantities, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		var quantity resource.Quantity
		if err := json.Unmarshal(values[name], &quantity); err != nil || quantity.Sign() < 0 || string(values[name]) == "null" {
			return fmt.Errorf("%s is %s: it must be a quantity such as 500m, 16 or 8Gi", name, values[name])
		}
		(*q)[name] = quantity
	}
	return nil
}
