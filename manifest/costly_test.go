package manifest

import (
	"fmt"
	"strings"
)

func fill(unit string) string { return strings.Repeat(unit, maxFileBytes/len(unit)) }

// numbered repeats a format with a number in it.
func numbered(format string, size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()[:size]
}

// staircase indents each line one deeper than the last.
func staircase(size int) string {
	var b strings.Builder
	for i := 0; b.Len() < size; i++ {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()[:size]
}

// costlyFiles are larger than a file may be, or nearly: they are cut.
func costlyFiles() map[string]string {
	return map[string]string{
		"flow list":              "x-a: [" + fill("a,")[:maxFileBytes-20] + "]",
		"flow open":              fill("[a,"),
		"flow maps":              "x-a: [" + strings.Repeat("{},", 87000) + "]",
		"flow pairs":             "x-a: [" + strings.Repeat("a: b,", 52000) + "]",
		"q":                      "x-a: [" + strings.Repeat("'',", 87000) + "]",
		"empty items":            fill("-\n"),
		"empty items bad":        fill("-\n")[:262000] + "\n}",
		"list":                   "x-a:\n" + strings.Repeat("- a\n", 65000),
		"list bad":               "x-a:\n" + strings.Repeat("- a\n", 65000) + "}",
		"keys":                   numbered("k%d: \n", maxFileBytes),
		"keys bad":               numbered("k%d: \n", 262000) + "\n]",
		"xkeys":                  numbered("x-%d: \n", maxFileBytes),
		"short keys":             numbered("%x:\n", maxFileBytes),
		"jobs unknown":           "jobs: [{" + numbered("k%d: ,", 260000) + "a: }]",
		"env":                    "webservice: {}\nenv: {" + strings.Repeat("A: b,", 52000) + "}",
		"comments":               fill("#\n"),
		"comments2":              fill("a: #\n"),
		"comments3":              "x-a:\n" + strings.Repeat(" #\n", 87000),
		"comment tail":           "x-a: b\n" + strings.Repeat("# x\n", 65000) + "x-b: c",
		"comment list":           "x-a:\n" + strings.Repeat("- #\n", 65000),
		"comment list2":          "x-a:\n" + strings.Repeat("- a #b\n #c\n", 23000),
		"newlines":               "a: 1" + fill("\n")[:262000],
		"spaces":                 "a: 1" + fill(" ")[:262000] + "x",
		"plain multi":            "a: " + strings.Repeat("b\n ", 87000),
		"quote multi":            "a: '" + strings.Repeat("b\n ", 87000) + "'",
		"quote open":             "a: '" + strings.Repeat("b\n ", 87000),
		"dquote esc":             "a: \"" + strings.Repeat("\\x41", 65000) + "\"",
		"dquote esc open":        "a: \"" + strings.Repeat("\\x41", 65000),
		"literal":                "a: |\n" + strings.Repeat(" b\n", 87000),
		"folded":                 "a: >\n" + strings.Repeat(" b\n", 87000),
		"folded blank":           "a: >\n" + strings.Repeat(" b\n\n", 65000),
		"anchors":                "x-a: [" + numbered("&a%d b,", 262000) + "c]",
		"aliases":                "x-a: &a b\nx-b: [" + strings.Repeat("*a,", 87000) + "]",
		"aliases stack":          "x-a: &a b\nstack: [" + strings.Repeat("*a,", 87000) + "]",
		"alias jobs":             "x-a: &a {name: b}\njobs: [" + strings.Repeat("*a,", 99) + "]",
		"alias of big env":       "x-a: &a {" + numbered("V%d: ,", 200000) + "V: }\njobs: [" + strings.Repeat("{env: *a},", 99) + "]",
		"alias of big env merge": "x-a: &a {" + numbered("V%d: ,", 200000) + "V: }\njobs: [" + strings.Repeat("{<<: *a},", 99) + "]",
		"merges":                 "x-a: &a {}\nx: {<<: [" + strings.Repeat("*a,", 87000) + "]}\nwebservice: {<<: [" + "*a]}",
		"merges2":                "x-a: &a {}\nwebservice: {<<: [" + strings.Repeat("*a,", 87000) + "*a]}",
		"many merge keys":        "x-a: &a {}\nwebservice: {" + strings.Repeat("<<: *a,", 37000) + "}",
		"docs":                   fill("---\n"),
		"docs2":                  fill("--- a\n"),
		"docs kube":              "apiVersion: v1\nkind: x\n" + fill("--- a\n")[:262000],
		"directives":             fill("%A b\n"),
		"tags":                   fill("%TAG !a! b\n"),
		"tags2":                  "x: [" + strings.Repeat("!!a b,", 43000) + "]",
		"tagesc":                 "x: !" + strings.Repeat("%41", 87000) + " b",
		"question":               fill("? a\n"),
		"question nest":          fill("? "),
		"colon nest":             fill(": "),
		"dash nest":              fill("- "),
		"flow q":                 fill("{?"),
		"flow mapdeep":           fill("{a: "),
		"flow mapdeep2":          strings.Repeat("{a: ", 9000) + "b" + strings.Repeat("}", 9000),
		"deep ok list":           strings.Repeat("[", 9990) + strings.Repeat("]", 9990),
		"deep indent":            staircase(262000),
		"deep indent bad":        staircase(262000) + "\n\t]",
		"longkey":                strings.Repeat("k", 200000) + ": 1",
		"longkey q":              "\"" + strings.Repeat("k", 200000) + "\": 1",
		"longkeys":               numbered(strings.Repeat("k", 1000)+"%d: 1\n", maxFileBytes),
		"longkeys close":         numbered(strings.Repeat("schedule", 4)+"%d: 1\n", maxFileBytes),
		"nokeyvalue":             "a: " + strings.Repeat("b ", 131000),
		"nokey multi":            fill("a\n"),
		"nokey commas":           "[" + fill("a\n,")[:262000],
		"possible keys":          fill("a b "),
		"simple keys flow":       "[" + fill("\"a\" ")[:262000],
		"timestamps":             "x-a: [" + strings.Repeat("2001-01-01,", 23000) + "]",
		"timestamps env":         "webservice: {}\nenv: {" + numbered("V%d: 2001-01-01T00:00:00Z,", 6000) + "V: x}",
		"floats":                 "stack: [" + strings.Repeat("1e1,", 9) + "1]",
		"long number":            "webservice: {port: " + strings.Repeat("9", 262000) + "}",
		"long number2":           "webservice: {cpu: " + strings.Repeat("9", 262000) + "}",
		"long float":             "webservice: {cpu: 1." + strings.Repeat("9", 262000) + "}",
		"long underscore":        "webservice: {cpu: 1" + strings.Repeat("_", 262000) + "}",
		"long binary":            "webservice: {port: 0b" + strings.Repeat("1", 262000) + "}",
		"long key num":           "{" + strings.Repeat("9", 262000) + ": 1}",
		"long schedule":          "jobs: [{schedule: '" + strings.Repeat("1,", 131000) + " * * * *'}]",
		"schedule 200":           "jobs: [" + strings.Repeat("{schedule: '"+strings.Repeat("*/1,", 47)+"* * * * *'},", 99) + "]",
		"bad utf8 end":           fill("a")[:262000] + "\xff",
		"cr":                     fill("\r"),
		"crlf":                   fill("a: 1\r\n"),
		"tabs":                   fill("\t"),
		"tabs2":                  "a:\n" + fill("\tb: c\n")[:262000],
		"unicode":                "a: " + strings.Repeat("\u65e5", 87000),
		"unicode bad":            "a: " + strings.Repeat("\u65e5", 87000) + "\n]",
		"age":                    "webservice: {}\nsecrets: {" + numbered("V%d: {age: '-----BEGIN AGE ENCRYPTED FILE-----'},", 262000),
	}
}
