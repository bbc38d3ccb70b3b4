package render

import (
	"regexp"
	"slices"
	"strings"
)

// replaced has a shell replace itself by the command, where it is a single one: the process itself gets SIGTERM then, and not
// a shell that ends and takes it down unasked. bash does so by itself, but not where output is redirected; dash never does.
// Of several commands, a shell must stay to run the next; of what is the shell's own, there is nothing to replace it by.
func replaced(command string) string {
	found := single.FindStringSubmatch(strings.TrimSpace(command))
	if found == nil || slices.Contains(shellsOwn, found[1]) {
		return command
	}
	return "exec " + command
}

// single matches a command that is surely one, and has its first word. Of & it takes only that of 2>&1.
var single = regexp.MustCompile("^([A-Za-z0-9_./+-]+)(?:\\s(?:[^;&|()`\\n\\r]|[0-9]>&[0-9])*)?$")

// shellsOwn are the words with a meaning of their own to sh or bash (POSIX.1-2024, Shell Command Language, 2.4 and 2.15, and
// bash's manual, "Shell Builtin Commands").
var shellsOwn = strings.Fields(`if then else elif fi do done case esac while until for in function select time coproc
	. : alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown echo enable eval exec
	exit export false fc fg getopts hash help history jobs kill let local logout mapfile popd printf pushd pwd read readarray
	readonly return set shift shopt source suspend test times trap true type typeset ulimit umask unalias unset wait`)
