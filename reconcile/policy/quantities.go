package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

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
