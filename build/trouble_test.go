package build

import (
	"errors"
	"fmt"
	"testing"
	"time"

	api "github.com/toolforge/toolforged/api/v1alpha1"
	"github.com/toolforge/toolforged/registry"
)

// The delay doubles, within the administrator's bound and ours; a registry that asks for a pause gets it.
func TestTroubled(t *testing.T) {
	patient, hasty := Config{}, Config{LongestRetry: 8 * time.Second}
	other := errors.New("no answer")
	pause := fmt.Errorf("ask: %w", &registry.Trouble{Reference: "image", RetryAfter: 90 * time.Second})
	for _, test := range []struct {
		config Config
		before int64
		err    error
		want   time.Duration
	}{
		{patient, 0, other, 2 * time.Second},
		{patient, 3, other, 16 * time.Second},
		{patient, 30, other, 5 * time.Minute},
		{hasty, 1, other, 4 * time.Second},
		{hasty, 30, other, 8 * time.Second},
		{hasty, 0, pause, 90 * time.Second},
		{patient, 30, pause, 5 * time.Minute},
	} {
		record := &api.Build{Troubles: int(test.before)}
		test.config.troubled(record, test.err, began)
		if got := record.RetryAt.Sub(began); got != test.want {
			t.Errorf("%+v: after %s, not %s", test, got, test.want)
		}
	}
}
