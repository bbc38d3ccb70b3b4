package manifest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var shouting = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)

// unknownKey says what to do about a key that its place, with these keys, does not have, and which of them was meant, if
// that is clear.
func unknownKey(name string, here, root []Key) (message, meant string) {
	if places := placesOf(name, "the top level", root); len(places) > 0 {
		return fmt.Sprintf("`%s` does not belong here: it is a key of %s", name, either(places)), ""
	}
	near, ok := nearest(name, here)
	if i := indexOf(here, elsewhere[strings.ToLower(name)]); i >= 0 {
		near, ok = here[i], true
	}
	if ok {
		return fmt.Sprintf("unknown key `%s`: did you mean `%s`?", shorten(name), near.Name), near.Name
	}
	if shouting.MatchString(name) {
		return fmt.Sprintf("unknown key `%s`: if it is an environment variable, it belongs under `env`", shorten(name)), ""
	}
	var names []string
	for _, k := range here {
		names = append(names, k.Name)
	}
	verb := "are"
	if len(names) == 1 {
		verb = "is"
	}
	return fmt.Sprintf("unknown key `%s`: allowed here %s %s", shorten(name), verb, listed(names)), ""
}

func listed(names []string) string { return "`" + strings.Join(names, "`, `") + "`" }

// elsewhere are the names that other programs and formats have for keys of this one.
var elsewhere = map[string]string{
	"branch": "ref", "tag": "ref", "commit": "ref", "url": "repository", "git": "repository",
	"language": "stack", "languages": "stack", "buildpacks": "stack", "exclude": "ignore",
	"cron": "schedule", "entrypoint": "command", "exec": "command", "run": "command", "start": "command",
	"instances": "replicas", "scale": "replicas", "http": "path", "exec_script": "script", "secret": "from",
	"domain": "hosts", "domains": "hosts", "hostname": "hosts", "volumes": "mount", "nfs": "mount", "mail": "emails",
	"grace_period": "shutdown", "deadline": "timeout",
}

// Suggest says which of the names was meant, or which there are, as the end of a sentence; names is not changed.
func Suggest(name string, names []string) string { return suggestName(name, slices.Clone(names)) }

// placesOf returns the places in the file that have a key of this name.
func placesOf(name, place string, keys []Key) []string {
	var places []string
	for _, k := range keys {
		if k.Name == name {
			places = append(places, place)
		}
		for _, p := range placesOf(name, k.Place, k.Keys) {
			if len(places) == 0 || places[len(places)-1] != p {
				places = append(places, p)
			}
		}
	}
	return places
}

// nearest finds the key that name most likely is a misspelling of: the same but for case and separators,
// an abbreviation of it, it and more, or one of few letters' difference.
func nearest(name string, keys []Key) (Key, bool) {
	const longest = 40
	if len(name) > longest {
		return Key{}, false
	}
	plain := plainKey(name)
	if len(plain) < 2 {
		return Key{}, false
	}
	best, bestDistance := Key{}, 1+len(plain)/3
	for _, k := range keys {
		known := plainKey(k.Name)
		d := distance(plain, known)
		if len(plain) >= 3 && (abbreviates(plain, known) || strings.HasPrefix(plain, known)) {
			d = min(d, 1)
		}
		if d < bestDistance || d == bestDistance && best.Name == "" {
			best, bestDistance = k, d
		}
	}
	return best, best.Name != ""
}

// abbreviates is true for mem and memory, cmd and command.
func abbreviates(short, long string) bool {
	if short[:1] != long[:1] {
		return false
	}
	rest := short
	for i := 0; i < len(long) && rest != ""; i++ {
		if long[i] == rest[0] {
			rest = rest[1:]
		}
	}
	return rest == ""
}

var separators = strings.NewReplacer("-", "", "_", "", " ", "")

func plainKey(s string) string { return separators.Replace(strings.ToLower(s)) }

// distance counts the letters to insert, drop, replace or swap with their neighbour that turn a into b (optimal string
// alignment).
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
