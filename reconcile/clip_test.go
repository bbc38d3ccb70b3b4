package reconcile

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClip(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		limit            int
	}{
		{"short", "abc", "abc", 5},
		{"just fits", "abcde", "abcde", 5},
		{"too long", "abcdefgh", "abc…", 6},
		{"not within a character", "aéééé", "aé…", 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := clip(test.text, test.limit)
			if got != test.want || len(got) > test.limit || !utf8.ValidString(got) {
				t.Errorf("clip(%q, %d) = %q, want %q", test.text, test.limit, got, test.want)
			}
		})
	}
	if got := clip(strings.Repeat("x", maxMessage+1), maxMessage); len(got) != maxMessage {
		t.Errorf("a long message is clipped to %d bytes, want %d", len(got), maxMessage)
	}
}
