package build

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"plain", "a\tb\nc\n", "a\tb\nc\n"},
		{"password", "GET https://bot:hunter2@git.example/x", "GET https://***@git.example/x"},
		{"password without a name", "https://:hunter2@git.example/x", "https://***@git.example/x"},
		{"token as the name", "https://ghp_secret@git.example/x", "https://***@git.example/x"},
		{"two", "http://a:b@c http://d:e@f", "http://***@c http://***@f"},
		{"password with an @", "https://bot:p@ss@git.example/x", "https://***@git.example/x"},
		{"hidden by a control character", "https:/\x01/bot:hunter2@git.example", "https://***@git.example"},
		{"a port is no password", "http://git.example:3000/a@b", "http://git.example:3000/a@b"},
		{"colours", "\x1b[31mred\x1b[0m", "[31mred[0m"},
		{"carriage returns", "10%\r20%\r", "10%20%"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := clean(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestCleanKeepsTheEnd(t *testing.T) {
	got := clean(strings.Repeat("0123456789abcde\n", 1000) + "the end\n")
	if len(got) > tailKept || !strings.HasSuffix(got, "the end\n") {
		t.Errorf("%d bytes, ending with %q", len(got), got[max(0, len(got)-20):])
	}
	if !strings.HasPrefix(got, "0123456789abcde\n") {
		t.Errorf("begins in the middle of a line: %.20q", got)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("https://bot:hunter2@git.example/x\n")
	f.Add(strings.Repeat("é", tailKept))
	f.Add("\xff\x00\x1b[2J://:@")
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		if len(got) > tailKept || !utf8.ValidString(got) {
			t.Errorf("%d bytes, valid %t", len(got), utf8.ValidString(got))
		}
		for _, r := range got {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				t.Errorf("control character %q is left", r)
			}
		}
		if urlUser.ReplaceAllString(got, "://***@") != got {
			t.Errorf("a password is left in %q", got)
		}
	})
}
