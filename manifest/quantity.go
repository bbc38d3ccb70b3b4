package manifest

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Quantity is an amount of memory (in bytes) or cpu (in cores) in Kubernetes' notation, kept as it was written: a
// decimal number with an optional suffix, as in 512Mi, 1.5G, 500m, 2e9.
type Quantity string

// notation follows the grammar of Kubernetes' quantities, without signs and with bounded digits.
var notation = regexp.MustCompile(`^([0-9]{1,15}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})([eE][+-]?[0-9]{1,2}|[a-zA-Z]{0,3})$`)

var suffixes = map[string]float64{
	"": 1, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
	"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60,
}

// parseQuantity returns the amount, near enough to compare it with bounds.
func parseQuantity(s string) (float64, bool) {
	parts := notation.FindStringSubmatch(s)
	if parts == nil {
		return 0, false
	}
	number, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return 0, false
	}
	if factor, ok := suffixes[parts[2]]; ok {
		return number * factor, true
	}
	exponent, err := strconv.Atoi(parts[2][1:])
	if err != nil || !strings.ContainsAny(parts[2][:1], "eE") {
		return 0, false
	}
	return number * math.Pow10(exponent), true
}

// amount is a quantity within bounds.
type amount struct {
	what     string
	min, max Quantity
	// hint rewrites a common mistake, or returns ""; nil: there is none.
	hint func(string) string
}

var (
	cpuAmount    = amount{what: "a number of cores such as `500m` (half a core) or `1`", min: "10m", max: "64"}
	memoryAmount = amount{what: "an amount such as `512Mi` or `1Gi`", min: "16Mi", max: "256Gi", hint: memoryHint}
)

func (k amount) allowed() string { return fmt.Sprintf("%s, from %s to %s", k.what, k.min, k.max) }

func (k amount) read(r *reader, v value) (Quantity, bool) {
	s := v.node.Value
	if v.node.Kind == yaml.ScalarNode && isTextOrNumber(v.node) && k.within(s) {
		return Quantity(s), true
	}
	hint := ""
	if k.hint != nil && k.within(k.hint(s)) {
		hint = ": write `" + k.hint(s) + "`"
	}
	r.problems.add(v.at, "%s must be %s; found %s%s", v.label(), k.allowed(), found(v.node), hint)
	return "", false
}

func isTextOrNumber(n *yaml.Node) bool {
	tag := n.ShortTag()
	return tag == "!!str" || tag == "!!int" || tag == "!!float"
}

func (k amount) within(s string) bool {
	got, ok := parseQuantity(s)
	least, _ := parseQuantity(string(k.min))
	most, _ := parseQuantity(string(k.max))
	return ok && got >= least && got <= most
}

var looseMemory = regexp.MustCompile(`^([0-9]{1,6}) ?([kKmMgG]?)i?[bB]?$`)

// memoryHint knows the spellings people bring along: 512, 512m, 512MB, 1g, 512 Mi.
func memoryHint(s string) string {
	parts := looseMemory.FindStringSubmatch(s)
	if parts == nil {
		return ""
	}
	unit := strings.ToUpper(parts[2])
	if unit == "" {
		unit = "M"
	}
	return parts[1] + unit + "i"
}
