package render

import "strings"

// literal escapes what Kubernetes would expand in a variable's value, a command or a probe's command: $(NAME) refers to a
// variable there, $$ is a $. To maintainers a $ is a $, and $(…) is the shell's.
func literal(text string) string { return strings.ReplaceAll(text, "$", "$$") }
