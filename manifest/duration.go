package manifest

import (
	"fmt"
	"regexp"
	"time"

	"go.yaml.in/yaml/v3"
)

// duration is a whole number of seconds, at least one, in Go's notation: 90s, 10m, 1h30m.
type duration struct{ max time.Duration }

func (k duration) allowed() string {
	if k.max < time.Hour {
		return fmt.Sprintf("a duration such as `30s` or `1m`, at most %dm", k.max/time.Minute)
	}
	return fmt.Sprintf("a duration such as `90s`, `10m` or `1h`, at most %dh", k.max/time.Hour)
}

// durationNotation is Go's, in the units that are of use here.
var durationNotation = regexp.MustCompile(`^([0-9]{1,9}(\.[0-9]{1,9})?[hms])+$`)

func (k duration) read(r *reader, v value) (time.Duration, bool) {
	if v.node.Kind == yaml.ScalarNode && v.node.ShortTag() == "!!str" && durationNotation.MatchString(v.node.Value) {
		d, err := time.ParseDuration(v.node.Value)
		if err == nil && d >= time.Second && d <= k.max && d%time.Second == 0 {
			return d, true
		}
	}
	r.problems.add(v.at, "%s must be %s; found %s%s", v.label(), k.allowed(), found(v.node), durationHint(v.node.Value))
	return 0, false
}

var looseDuration = regexp.MustCompile(`^([1-9][0-9]{0,3}) ?(s|sec|m|min|h|hours?|d|days?)?$`)

// durationHint knows the spellings people bring along: 60, 7d, 10 min.
func durationHint(s string) string {
	parts := looseDuration.FindStringSubmatch(s)
	if parts == nil {
		return ""
	}
	if parts[2] == "" {
		return fmt.Sprintf(": say the unit, as in `%ss` for seconds", parts[1])
	}
	switch short := parts[1] + parts[2][:1]; {
	case parts[2][0] == 'd':
		return ": days are written in hours, `24h` for each"
	case short != s:
		return ": write `" + short + "`"
	}
	return ""
}
