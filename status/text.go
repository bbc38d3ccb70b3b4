package status

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what one answer repeats of a text that others wrote, in bytes.
const (
	maxMessage = 8 << 10
	maxLog     = 64 << 10
)

// message is a sentence from outside as plain text, cut at its end.
func message(s string) string {
	if len(s) > maxMessage {
		s = strings.ToValidUTF8(s[:maxMessage], "") + "…"
	}
	return plain(s)
}

// logEnd is a log from outside as plain text, cut at its beginning.
func logEnd(s string) string {
	if len(s) > maxLog {
		s = "…" + strings.ToValidUTF8(s[len(s)-maxLog:], "")
	}
	return plain(s)
}

// terminal matches the escape sequences that colour a terminal, move its cursor or set its title.
var terminal = regexp.MustCompile(`\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])`)

// plain takes out of a text what would make a terminal or a browser show something else than is written: escape
// sequences go, carriage returns become new lines, any other control and the bidirectional ones a replacement character.
func plain(s string) string {
	if isPlain(s) {
		return s
	}
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	s = terminal.ReplaceAllString(s, "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case hidden(r):
			return utf8.RuneError
		}
		return r
	}, s)
}

func isPlain(s string) bool { return utf8.ValidString(s) && !strings.ContainsFunc(s, hidden) }

func hidden(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r)
}

// shorten cuts a text to at most n characters of its first line.
func shorten(s string, n int) string {
	line, _, more := strings.Cut(s, "\n")
	if runes := []rune(line); len(runes) > n {
		line, more = string(runes[:n]), true
	}
	if more {
		return line + "…"
	}
	return line
}
