package status

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"two\nlines\tand a tab":      "two\nlines\tand a tab",
		"\x1b[1;31mred\x1b[0m":       "red",
		"\x1b]0;title\x07after":      "after",
		"\x1b]8;;http://x\x1b\\link": "link",
		"10%\r20%\r\ndone":           "10%\n20%\ndone",
		"a\x00b\x7fc":                "a\ufffdb\ufffdc",
		"right \u202eto left":        "right \ufffdto left",
		"not \xff UTF-8":             "not \ufffd UTF-8",
		"an escape at the end \x1b[": "an escape at the end \ufffd[",
		"Ünïcödé stays, 漢字 too, אב":  "Ünïcödé stays, 漢字 too, אב",
	} {
		if got := plain(in); got != want {
			t.Errorf("plain(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTextIsCut(t *testing.T) {
	if got := message(strings.Repeat("ü", maxMessage)); len(got) > maxMessage+len("…") || !strings.HasSuffix(got, "ü…") {
		t.Errorf("message of %d bytes", len(got))
	}
	if got := logEnd(strings.Repeat("ü", maxLog) + "end"); len(got) > maxLog+len("…") || !strings.HasSuffix(got, "üend") {
		t.Errorf("log of %d bytes", len(got))
	}
	for in, want := range map[string]string{"short": "short", "longer one": "longer…", "a\nb": "a…", "ünïcödé": "ünïcöd…"} {
		if got := shorten(in, 6); got != want {
			t.Errorf("shorten(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		-time.Hour:         "just now",
		time.Second:        "1 second ago",
		59 * time.Second:   "59 seconds ago",
		time.Minute:        "1 minute ago",
		3599 * time.Second: "59 minutes ago",
		time.Hour:          "1 hour ago",
		47 * time.Hour:     "47 hours ago",
		48 * time.Hour:     "2 days ago",
	} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("ago(%s) = %q, want %q", d, got, want)
		}
	}
}

func FuzzPlain(f *testing.F) {
	for _, seed := range []string{"", "plain", "\x1b[31mred\x1b[0m", "a\r\nb\rc", "\x1b]0;t\x07", "\xff\xfe", "\u202e\u2066"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plain(s)
		if !utf8.ValidString(got) || !isPlain(got) {
			t.Errorf("plain(%q) = %q", s, got)
		}
		if again := plain(got); again != got {
			t.Errorf("plain(%q) is not plain: %q", got, again)
		}
	})
}
