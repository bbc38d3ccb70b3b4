package manifest

// explain puts the YAML library's message into words that say what to change.
func explain(message string) string {
	switch message {
	case "mapping values are not allowed in this context":
		return "a `:` is out of place here: check the indentation, and that the line above has its `: `; put a " +
			"value that holds `: ` in quotes"
	case "could not find expected ':'":
		return "a key must be followed by `: ` and a value"
	case "did not find expected key":
		return "this line does not fit what is above it: check its indentation, and the quotes in and above it"
	case "did not find expected '-' indicator":
		return "this line is among the entries of a list, but does not begin with `- ` at their indentation"
	case "did not find expected ',' or ']'":
		return "a `[` is not closed: a `,` or `]` is missing before this, or a value with `?`, `:` or `,` in it needs quotes"
	case "did not find expected ',' or '}'":
		return "a `{` is not closed: a `,` or `}` is missing before this, or a value with `?`, `:` or `,` in it needs quotes"
	case "did not find expected node content":
		return "a value is missing here"
	case "found character that cannot start any token":
		return "a value cannot begin with this character: put it in quotes"
	case "found unexpected end of stream",
		"found unexpected document indicator":
		return "a quote that is opened on this line is never closed"
	case "found unknown escape character":
		return "a `\\` in double quotes is followed by a character that has no meaning there: use single quotes or " +
			"`\\\\`"
	case "block sequence entries are not allowed in this context":
		return "an entry of a list (`- `) cannot be here: begin it on a line of its own"
	case "mapping keys are not allowed in this context":
		return "a `?` cannot be here: put the value in quotes"
	case "found a tab character that violates indentation",
		"found a tab character where an indentation space is expected":
		return "this line is indented with a tab: use spaces"
	case "did not find expected alphabetic or numeric character":
		return "`&` and `*` begin the name of an anchor: put a value that begins with them in quotes"
	case "did not find expected whitespace or line break",
		"found undefined tag handle":
		return "a `!` begins a tag: put a value that begins with it in quotes"
	case "did not find expected comment or line break":
		return "after `|` or `>` the text begins on the next line"
	case "exceeded max depth of 10000":
		return "this is nested far too deep"
	}
	return "this is no valid YAML: " + message
}
